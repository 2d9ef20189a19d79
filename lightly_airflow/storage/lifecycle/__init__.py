"""When will objects vanish? A cloud's lifecycle rules and the facts of objects in, times out. Pure: no I/O, no clock.

Objects are columns, a batch at a time, so that a million of them cost a few passes over arrays and no call an object. The
modules need numpy, so nothing that a DAG file loads may import them.
"""
