"""Reads a bucket's lifecycle rules and lists its inputs, with the datasource's own credentials: one file a kind of storage.

The modules need numpy and what a cloud's listing needs, so nothing that a DAG file loads may import them.
"""
