"""The settings about who may pass."""

import json
from pathlib import Path

import pytest

from rowferry.config import shown_settings
from rowferry.config_loading import load
from rowferry.config_security import SecurityClient, is_loopback
from rowferry.config_sources import ConfigError

HASH = "ab" * 32
ON = {"ROWFERRY__SECURITY__AUTH_ENABLED": "true"}


def with_clients(*clients: object, **security: str) -> dict[str, str]:
    named = {f"ROWFERRY__SECURITY__{key}": value for key, value in security.items()}
    return {**ON, "ROWFERRY__SECURITY__CLIENTS": json.dumps(clients), **named}


def problems(environment: dict[str, str]) -> list[tuple[str, str]]:
    with pytest.raises(ConfigError) as refusal:
        load(None, environment)
    return [(problem.key, problem.got) for problem in refusal.value.problems]


def test_clients_come_from_tables_of_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(
        "[security]\nauth_enabled = true\n"
        f'[[security.clients]]\nname = "a"\ntoken_sha256 = "{HASH.upper()}"\n'
        '[[security.clients]]\nname = "b"\nformats = ["CSV"]\nnetworks = []\n'
    )
    first, second = load(file, {}).security.clients
    assert first.token_hashes == (HASH,)
    assert (first.formats, first.networks) == (None, None)
    assert (second.formats, second.networks) == (("CSV",), ())


def test_a_client_that_does_not_say_otherwise_has_the_doors_for_rows_only() -> None:
    assert SecurityClient(name="a").doors == ("grpc", "http", "websocket")


@pytest.mark.parametrize("host", ["::", "192.0.2.7", "rowferry.example"])
def test_other_addresses_than_loopback_need_authentication_or_consent(host: str) -> None:
    bound = {"ROWFERRY__SERVER__HOST": host}
    assert problems(bound) == [("server.host", host)]
    assert load(None, bound | with_clients({"name": "a"})).server.host == host
    consent = {"ROWFERRY__SECURITY__ALLOW_UNAUTHENTICATED": "true"}
    assert load(None, bound | consent).server.host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_loopback_addresses_are_told_apart(host: str) -> None:
    assert is_loopback(host)


def test_authentication_and_clients_go_together() -> None:
    assert problems(ON) == [("security.clients", "none")]
    alone = {"ROWFERRY__SECURITY__CLIENTS": '[{"name": "a"}]'}
    assert problems(alone) == [("security.auth_enabled", "false")]


def test_clients_names_certificates_and_tokens_are_told_apart() -> None:
    assert problems(with_clients({"name": "a"}, {"name": "a", "certificate_names": ["x"]})) == [
        ("security.clients", "a twice")
    ]
    assert problems(with_clients({"name": "a"}, {"name": "b", "certificate_names": ["a"]})) == [
        ("security.clients", "a twice")
    ]
    hashed = [{"name": name, "token_sha256": HASH} for name in "ab"]
    assert problems(with_clients(*hashed)) == [("security.clients", "one of two")]


def test_allowed_clients_are_configured_ones() -> None:
    environment = with_clients({"name": "a"}, ALLOWED_CLIENTS='["a", "b"]')
    assert problems(environment) == [("security.allowed_clients", "b")]


@pytest.mark.parametrize("network", ["10.0.0.0/33", "10.0.0.1/8", "office"])
def test_networks_are_networks(network: str) -> None:
    environment = with_clients({"name": "a", "networks": [network]})
    assert problems(environment) == [("security.clients a", network)]


@pytest.mark.parametrize(
    "client",
    [
        {},
        {"name": "a b"},
        {"name": "a", "token": "x"},
        {"name": "a", "token_sha256": "ab"},
        {"name": "a", "doors": ["window"]},
        {"name": "a", "formats": ["PDF"]},
        {"name": "a", "min_priority": 0},
    ],
)
def test_a_client_that_makes_no_sense_is_refused(client: dict[str, object]) -> None:
    ((key, got),) = problems(with_clients(client))
    assert key == "ROWFERRY__SECURITY__CLIENTS"
    assert got == "a value that is not shown"


@pytest.mark.parametrize("origin", ["app.example", "https://app.example/", "https://a@b"])
def test_origins_are_what_browsers_send(origin: str) -> None:
    environment = {"ROWFERRY__SECURITY__ALLOWED_ORIGINS": json.dumps([origin])}
    ((key, _),) = problems(environment)
    assert key == "ROWFERRY__SECURITY__ALLOWED_ORIGINS"


def test_certificates_of_clients_are_for_authentication() -> None:
    tls = {"TLS_CERTIFICATE": "c.pem", "TLS_KEY": "k.pem", "CLIENT_CA": "ca.pem"}
    without = {f"ROWFERRY__SECURITY__{key}": value for key, value in tls.items()}
    assert problems(without) == [("security.client_ca", "false")]
    security = load(None, with_clients({"name": "a"}, **tls)).security
    assert security.requires_certificate


def test_of_clients_only_names_are_shown() -> None:
    config = load(None, with_clients({"name": "a", "token_sha256": HASH}))
    assert shown_settings(config)["security.clients"] == ["a"]
    assert HASH not in repr(config)
