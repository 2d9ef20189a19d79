"""The deferred halves: what waits in the triggerer."""
