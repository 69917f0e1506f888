"""Addresses, as people write them."""

from pathlib import Path

import pytest
import trustme

from rowferry.cli.connection_options import Connection
from rowferry.cli.outcome import CommandError, ExitCode
from rowferry.cli.session import parse_target, shown_token, tls_of
from rowferry.client.address import Address

ADDRESSES = [
    ("127.0.0.1:9090", Address(host="127.0.0.1", port=9090)),
    ("example", Address(host="example", port=9090)),
    ("http://example:1", Address(host="example", port=1)),
    ("https://example:443", Address(host="example", port=443, secure=True)),
    ("[::1]:9190", Address(host="::1", port=9190)),
]


@pytest.mark.parametrize(("address", "target"), ADDRESSES)
def test_an_address_has_host_port_and_scheme(address: str, target: Address) -> None:
    assert parse_target(address) == target


def test_https_and_files_of_ones_own_mean_tls(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(ca))
    clear, secure = (Address(host="a", port=1, secure=secure) for secure in (False, True))
    assert tls_of(Connection(), clear) is None
    assert tls_of(Connection(), secure) is not None
    assert tls_of(Connection(tls_ca=str(ca)), clear) is not None
    with pytest.raises(CommandError, match="none"):
        tls_of(Connection(tls_certificate="none.pem"), clear)
    with pytest.raises(CommandError, match="--tls-certificate"):
        tls_of(Connection(tls_key="key.pem"), clear)


def test_the_token_of_a_file_goes_before_that_of_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("of-the-file\n")
    environment = {"ROWFERRY_TOKEN": " of-the-environment "}
    assert shown_token(str(file), environment) == "of-the-file"
    assert shown_token(None, environment) == "of-the-environment"
    assert shown_token(None, {}) == ""


def test_a_token_that_can_not_be_sent_is_wrong_usage_and_not_shown(tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("se\ncret")
    for token_file, token in ((str(file), ""), (None, "se cret"), (None, "sécret")):
        with pytest.raises(CommandError) as refusal:
            shown_token(token_file, {"ROWFERRY_TOKEN": token})
        assert refusal.value.exit_code == ExitCode.USAGE
        assert "cret" not in refusal.value.message


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff"])
def test_a_file_without_a_token_is_wrong_usage(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CommandError, match="token") as refusal:
        shown_token(str(file), {"ROWFERRY_TOKEN": "another"})
    assert refusal.value.exit_code == ExitCode.USAGE


@pytest.mark.parametrize(
    "address", ["", ":9090", "a:b", "a:70000", "ftp://a:1", "://a:1", "a:1/x", "a b/c"]
)
def test_anything_else_is_wrong_usage(address: str) -> None:
    with pytest.raises(CommandError) as refusal:
        parse_target(address)
    assert refusal.value.exit_code == ExitCode.USAGE
