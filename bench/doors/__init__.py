"""Measured programs: gRPC servers that take ``Export`` streams and throw the rows away.

``python -m bench.doors.NAME_door`` prints its address and serves until its standard input ends.
All hand batches to their handler as bytes, undecoded, and answer with one result: what is
measured is HTTP/2, gRPC framing and flow control.
"""
