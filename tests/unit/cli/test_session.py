"""Addresses, as people write them."""

import pytest

from rowferry.cli.outcome import CommandError, ExitCode
from rowferry.cli.session import Target, parse_target

ADDRESSES = [
    ("127.0.0.1:9090", Target(host="127.0.0.1", port=9090)),
    ("example", Target(host="example", port=9090)),
    ("http://example:1", Target(host="example", port=1)),
    ("https://example:443", Target(host="example", port=443, secure=True)),
    ("[::1]:9190", Target(host="::1", port=9190)),
]


@pytest.mark.parametrize(("address", "target"), ADDRESSES)
def test_an_address_has_host_port_and_scheme(address: str, target: Target) -> None:
    assert parse_target(address) == target


def test_an_authority_of_ones_own_means_tls() -> None:
    target = parse_target("example:1", "ca.pem")
    assert target == Target(host="example", port=1, secure=True, ca_file="ca.pem")


@pytest.mark.parametrize(
    "address", ["", ":9090", "a:b", "a:70000", "ftp://a:1", "://a:1", "a:1/x", "a b/c"]
)
def test_anything_else_is_wrong_usage(address: str) -> None:
    with pytest.raises(CommandError) as refusal:
        parse_target(address)
    assert refusal.value.exit_code == ExitCode.USAGE
