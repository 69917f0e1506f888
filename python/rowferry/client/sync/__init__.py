"""The same client for programs without trio: every call blocks.

::

    with Client("127.0.0.1:9090") as client:
        result = client.export(rows, columns=[Column("Id", "number"), "Name"])

The connection lives in a thread of its own, so it does not matter what else runs: Django, Flask, a
notebook, another event loop. Any thread may call, several at once. Rows are drawn and callbacks
are called in the thread that calls.
"""

from rowferry.client.sync.client import Client
from rowferry.client.sync.export import Export

__all__ = ["Client", "Export"]
