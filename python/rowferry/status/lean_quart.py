"""Quart without templates, and without the debugger that its test client's base brings along.

The API answers in JSON alone; Jinja and pdb cost 2 to 3 MB of resident memory.
"""

from rowferry.lean_import import left_out

with left_out("jinja2", "jinja2.loaders", "pdb"):
    from quart import Response, request
    from quart_trio import QuartTrio

__all__ = ["QuartTrio", "Response", "request"]
