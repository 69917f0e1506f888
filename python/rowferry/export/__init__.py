"""The use cases, on ports only: a request is taken in, its rows are kept, its file is made.

A task's way: ``intake`` (request) -> ``session`` (rows into the log) -> ``dispatcher`` (a slot) ->
``pipeline`` (log into file) -> ``uploader`` (file into storage) -> ``queries`` (what clients see).
"""
