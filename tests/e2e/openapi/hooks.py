"""Bodies of rows, which schemathesis can't write by itself."""

import schemathesis
from schemathesis import SerializationContext


@schemathesis.serializer("application/x-ndjson", "application/vnd.rowferry.record-batches")
def as_it_is(_context: SerializationContext, value: object) -> bytes:
    """Send bytes as they are, and anything else as its text."""
    return value if isinstance(value, bytes) else str(value).encode()
