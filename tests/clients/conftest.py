"""Fixtures of the clients' tests."""

import pytest

from tests.clients.php_transport import TRANSPORTS, PhpTransport


@pytest.fixture(params=TRANSPORTS)
def php_transport(request: pytest.FixtureRequest) -> PhpTransport:
    """Each way from PHP to the service, one after the other."""
    return TRANSPORTS[request.param]
