"""What programs tell gets to their tests, all of it."""

import os
import sys

from tests.clients.program import running

TELLING = """
print('{"event": "early"}\\n{"event": "waited for"}\\n{"event": "read ahead"}', flush=True)
input()
print('{"event": "late"}')
"""


def test_what_was_read_ahead_is_told_at_the_end() -> None:
    with running([sys.executable, "-c", TELLING], os.environ) as program:
        program.wait_for("waited for")
        program.go_on()
        assert [told["event"] for told in program.rest()] == ["read ahead", "late"]
