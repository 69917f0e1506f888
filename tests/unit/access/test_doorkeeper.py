"""Who gets in, and what the others are told."""

from datetime import timedelta
from pathlib import Path

import pytest

from rowferry.access.client_list import ClientList
from rowferry.access.token_text import make_token, token_digest
from rowferry.config_security import Security, SecurityClient
from rowferry.config_sources import ConfigError
from rowferry.domain.access import ClientRules, Credentials, Door
from rowferry.domain.errors import ErrorCode, RowferryError
from rowferry.domain.events import AccessRefused, CallerKeptOut
from tests.unit.access.conftest import NOW, MakeDoorkeeper, record
from tests.unit.export.in_memory import EventNotes

TOKEN = make_token()
ADDRESS = "10.1.2.3:4567"
SHOP = SecurityClient(name="shop")
MINUTE = timedelta(minutes=1)


def allowing(*clients: SecurityClient, **settings: object) -> Security:
    return Security(auth_enabled=True, clients=clients, **settings)  # type: ignore[arg-type]


def showing(token: str = "", *names: str, address: str = ADDRESS) -> Credentials:
    return Credentials(token=token, certificate_names=names, address=address)


def test_a_token_lets_its_client_in(make_doorkeeper: MakeDoorkeeper) -> None:
    doorkeeper = make_doorkeeper(allowing(SHOP), record(TOKEN))
    caller = doorkeeper.admit(Door.GRPC, showing(TOKEN))
    assert (caller.client, caller.address) == ("shop", ADDRESS)
    assert caller.identity == f"token:{token_digest(TOKEN)[:12]}"


def test_a_hash_of_the_settings_lets_its_client_in(make_doorkeeper: MakeDoorkeeper) -> None:
    known = SecurityClient(name="shop", token_sha256=(token_digest("s3cret"),))
    caller = make_doorkeeper(allowing(known)).admit(Door.HTTP, showing("s3cret"))
    assert caller.client == "shop"


def test_hashes_come_from_a_file_too(tmp_path: Path, make_doorkeeper: MakeDoorkeeper) -> None:
    file = tmp_path / "hashes"
    file.write_text(f"# of the laptop\n\n  {token_digest('s3cret').upper()}\n")
    known = SecurityClient(name="shop", token_sha256_file=str(file))
    assert make_doorkeeper(allowing(known)).admit(Door.HTTP, showing("s3cret")).client == "shop"
    file.write_text("s3cret\n")
    with pytest.raises(ConfigError) as refusal:
        make_doorkeeper(allowing(known))
    assert "s3cret" not in str(refusal.value)


UNAUTHENTICATED = {
    "nothing_shown": showing(),
    "token_damaged": showing(TOKEN[:-1]),
    "token_unknown": showing(make_token()),
    "token_expired": showing("of-january"),
    "token_revoked": showing("of-a-former-admin"),
    "certificate_unknown": showing("", "spiffe://elsewhere"),
}


@pytest.mark.parametrize("reason", UNAUTHENTICATED)
def test_whoever_proves_nothing_is_told_one_thing_and_the_log_why(
    make_doorkeeper: MakeDoorkeeper, notes: EventNotes, reason: str
) -> None:
    doorkeeper = make_doorkeeper(
        allowing(SHOP),
        record("of-january", expires_at=NOW),
        record("of-a-former-admin", revoked_at=NOW - MINUTE),
    )
    shown = UNAUTHENTICATED[reason]
    with pytest.raises(RowferryError) as refusal:
        doorkeeper.admit(Door.WEBSOCKET, shown)
    assert refusal.value.code is ErrorCode.UNAUTHENTICATED
    assert refusal.value.message == "A valid token or client certificate is needed."
    assert refusal.value.context == {}
    (event,) = notes.of(AccessRefused)
    assert (event.reason, event.door, event.address) == (reason, "websocket", "10.1.2.3")
    assert [kept_out.reason for kept_out in notes.of(CallerKeptOut)] == [reason]
    assert not shown.token or shown.token not in repr(event)


FORBIDDEN = {
    "client_unknown": (allowing(SecurityClient(name="other")), Door.GRPC, ADDRESS),
    "client_disabled": (
        allowing(SecurityClient(name="shop", enabled=False)),
        Door.GRPC,
        ADDRESS,
    ),
    "client_disabled, for want of being allowed": (
        allowing(SHOP, SecurityClient(name="other"), allowed_clients=("other",)),
        Door.GRPC,
        ADDRESS,
    ),
    "door": (allowing(SecurityClient(name="shop", doors=("http",))), Door.GRPC, ADDRESS),
    "door of metrics": (allowing(SHOP), Door.METRICS, ADDRESS),
    "network": (
        allowing(SecurityClient(name="shop", networks=("10.2.0.0/16",))),
        Door.GRPC,
        ADDRESS,
    ),
    "network of nobody": (allowing(SecurityClient(name="shop", networks=())), Door.GRPC, ADDRESS),
    "network without an address": (
        allowing(SecurityClient(name="shop", networks=("0.0.0.0/0",))),
        Door.GRPC,
        "",
    ),
}


@pytest.mark.parametrize("case", FORBIDDEN)
def test_a_client_that_may_not_is_told_why(
    make_doorkeeper: MakeDoorkeeper, notes: EventNotes, case: str
) -> None:
    security, door, address = FORBIDDEN[case]
    with pytest.raises(RowferryError) as refusal:
        make_doorkeeper(security, record(TOKEN)).admit(door, showing(TOKEN, address=address))
    assert refusal.value.code is ErrorCode.FORBIDDEN
    assert refusal.value.context == {"client": "shop"}
    (event,) = notes.of(AccessRefused)
    assert case.startswith(event.reason)
    assert (event.client, event.identity[:6]) == ("shop", "token:")


@pytest.mark.parametrize(
    "address", ["10.2.3.4:1", "::ffff:10.2.3.4:1", "[2001:db8::7]:1", "2001:db8::7:1"]
)
def test_a_client_calls_from_its_networks(make_doorkeeper: MakeDoorkeeper, address: str) -> None:
    client = SecurityClient(name="shop", networks=("10.2.0.0/16", "2001:db8::/32"))
    doorkeeper = make_doorkeeper(allowing(client), record(TOKEN))
    assert doorkeeper.admit(Door.GRPC, showing(TOKEN, address=address)).client == "shop"


@pytest.mark.parametrize("network", ["::ffff:10.2.0.0/112", "10.2.0.0/16"])
@pytest.mark.parametrize("host", ["10.2.7.7", "[::ffff:10.2.7.7]"])
def test_ipv4_is_ipv4_however_it_is_written(
    make_doorkeeper: MakeDoorkeeper, network: str, host: str
) -> None:
    client = SecurityClient(name="shop", networks=(network,))
    doorkeeper = make_doorkeeper(allowing(client), record(TOKEN))
    assert doorkeeper.admit(Door.GRPC, showing(TOKEN, address=f"{host}:5")).client == "shop"


def test_a_certificate_lets_its_client_in(make_doorkeeper: MakeDoorkeeper) -> None:
    named = SecurityClient(name="shop", certificate_names=("spiffe://x/shop", "shop.example"))
    doorkeeper = make_doorkeeper(allowing(named, SecurityClient(name="billing")))
    shown = showing("", "unknown.example", "shop.example")
    assert doorkeeper.admit(Door.GRPC, shown).identity == "certificate:shop.example"
    assert doorkeeper.admit(Door.GRPC, showing("", "billing")).client == "billing"
    with pytest.raises(RowferryError, match="A valid token"):
        doorkeeper.admit(Door.GRPC, showing("", "shop"))  # its certificates have other names


def test_certificates_can_be_demanded_of_everybody(
    make_doorkeeper: MakeDoorkeeper, notes: EventNotes
) -> None:
    security = allowing(SHOP, client_ca="ca.pem")
    doorkeeper = make_doorkeeper(security, record(TOKEN))
    with pytest.raises(RowferryError, match="A valid token"):
        doorkeeper.admit(Door.HTTP, showing(TOKEN))
    assert [event.reason for event in notes.of(AccessRefused)] == ["no_certificate"]
    assert doorkeeper.admit(Door.HTTP, showing(TOKEN, "gateway.example")).client == "shop"


def test_a_stolen_token_does_not_open_with_another_clients_certificate(
    make_doorkeeper: MakeDoorkeeper,
) -> None:
    doorkeeper = make_doorkeeper(allowing(SHOP, SecurityClient(name="other")), record(TOKEN))
    assert doorkeeper.admit(Door.GRPC, showing(TOKEN, "shop")).client == "shop"
    with pytest.raises(RowferryError) as refusal:
        doorkeeper.admit(Door.GRPC, showing(TOKEN, "other"))
    assert refusal.value.code is ErrorCode.FORBIDDEN


def test_replaced_clients_and_tokens_decide_from_then_on(make_doorkeeper: MakeDoorkeeper) -> None:
    doorkeeper = make_doorkeeper(allowing(SHOP), record(TOKEN))
    doorkeeper.replace_tokens([record("new")])
    with pytest.raises(RowferryError):
        doorkeeper.admit(Door.GRPC, showing(TOKEN))
    assert doorkeeper.admit(Door.GRPC, showing("new")).client == "shop"
    doorkeeper.replace_clients(ClientList.of(allowing(SecurityClient(name="other"))))
    with pytest.raises(RowferryError):
        doorkeeper.admit(Door.GRPC, showing("new"))


def test_the_log_hears_of_an_address_once_a_minute_and_the_metrics_always(
    make_doorkeeper: MakeDoorkeeper, notes: EventNotes
) -> None:
    doorkeeper = make_doorkeeper(allowing(SHOP))
    for port in range(5):
        with pytest.raises(RowferryError):
            doorkeeper.admit(Door.GRPC, showing(address=f"10.0.0.1:{port}"))
    with pytest.raises(RowferryError):
        doorkeeper.admit(Door.GRPC, showing(address="10.0.0.2:1"))
    assert [event.address for event in notes.of(AccessRefused)] == ["10.0.0.1", "10.0.0.2"]
    assert len(notes.of(CallerKeptOut)) == 6


def test_rules_are_the_clients_own(make_doorkeeper: MakeDoorkeeper) -> None:
    client = SecurityClient(name="shop", formats=("CSV",), providers=(), min_priority=5)
    doorkeeper = make_doorkeeper(allowing(client))
    rules = doorkeeper.rules("shop")
    assert rules.formats == frozenset({"CSV"})
    assert rules.providers == frozenset()
    assert rules.min_priority == 5
    assert doorkeeper.rules("gone") == ClientRules()


def test_links_open_while_their_client_may_enter(make_doorkeeper: MakeDoorkeeper) -> None:
    disabled = SecurityClient(name="former", enabled=False)
    doorkeeper = make_doorkeeper(allowing(SHOP, disabled))
    enabled = [
        name for name in ("shop", "former", "gone", "default") if doorkeeper.is_enabled(name)
    ]
    assert enabled == ["shop", "default"]
