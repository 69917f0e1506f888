import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rowferry.domain.links import LinkClaim, link_claim
from rowferry.domain.spec import Format
from rowferry.domain.task import Task, TaskState
from rowferry.status.http_links import LinkSealer, load_or_create_secret

NOW = datetime(2026, 5, 1, 12, 0, 0, 123_456, tzinfo=UTC)
OLD, NEW = b"an old secret of some length", b"a new secret of some length!"
TASK = Task(
    id="0190a0b0c0d07000800000000000000f",
    client="default",
    request_id="r-1",
    request_hash="",
    format=Format.CSV,
    filename="report.csv",
    created_at=NOW,
    state=TaskState.COMPLETED,
    attempt=2,
    link_expires_at=NOW + timedelta(days=7),
)
CLAIM = LinkClaim(
    client="default",
    task_id=TASK.id,
    attempt=2,
    expires_at=datetime(2026, 5, 8, 12, tzinfo=UTC),
)


@pytest.fixture
def sealer() -> LinkSealer:
    return LinkSealer([NEW, OLD], "https://files.example/")


def token_of(url: str) -> str:
    return url.partition("/d/")[2]


def test_link_opens_to_what_it_seals(sealer: LinkSealer) -> None:
    assert sealer.open(token_of(sealer.url(TASK))) == CLAIM == link_claim(TASK)


def test_link_lies_under_the_public_url(sealer: LinkSealer) -> None:
    assert sealer.url(TASK).startswith("https://files.example/d/")


def test_same_task_has_the_same_link_in_every_answer(sealer: LinkSealer) -> None:
    again = LinkSealer([NEW], "https://files.example")
    stored = replace(TASK, version=9, link_expires_at=NOW.replace(microsecond=0) + timedelta(7))
    assert sealer.url(TASK) == sealer.url(TASK) == again.url(stored)


def test_link_names_neither_client_nor_task_in_the_clear(sealer: LinkSealer) -> None:
    assert TASK.client not in sealer.url(TASK)
    assert TASK.id not in sealer.url(TASK)


@pytest.mark.parametrize("state", sorted(set(TaskState) - {TaskState.COMPLETED}))
def test_task_without_a_file_has_no_link(sealer: LinkSealer, state: TaskState) -> None:
    assert sealer.url(replace(TASK, state=state)) == ""


def test_link_made_with_the_old_secret_still_works(sealer: LinkSealer) -> None:
    old_link = LinkSealer([OLD], "http://x").url(TASK)
    assert sealer.open(token_of(old_link)) == CLAIM


def test_link_made_with_a_dropped_secret_is_dead(sealer: LinkSealer) -> None:
    assert LinkSealer([OLD], "http://x").open(token_of(sealer.url(TASK))) is None


def test_key_id_can_not_be_exchanged(sealer: LinkSealer) -> None:
    old_key_id = token_of(LinkSealer([OLD], "").url(TASK)).partition(".")[0]
    _, _, signed = token_of(sealer.url(TASK)).partition(".")
    assert sealer.open(f"{old_key_id}.{signed}") is None


@example(place=118, character="/")  # which Python's base64 reads as "_"
@given(place=st.integers(0, 10_000), character=st.characters(codec="ascii"))
def test_link_with_any_character_changed_is_dead(place: int, character: str) -> None:
    sealer = LinkSealer([NEW], "")
    token = token_of(sealer.url(TASK))
    place %= len(token)
    changed = token[:place] + character + token[place + 1 :]
    # base64's last character has bits that say nothing
    assert sealer.open(changed) is None or changed == token or place == len(token) - 1


@given(token=st.text(max_size=2000))
def test_any_text_at_all_is_no_link(token: str) -> None:
    assert LinkSealer([NEW], "").open(token) is None


def test_claim_expires_at_its_second() -> None:
    assert not CLAIM.expired(CLAIM.expires_at - timedelta(microseconds=1))
    assert CLAIM.expired(CLAIM.expires_at)


@pytest.mark.parametrize(
    "other",
    [
        replace(TASK, attempt=3),
        replace(TASK, client="other"),
        replace(TASK, id="0" * 32),
        replace(TASK, state=TaskState.CANCELLED),
    ],
)
def test_claim_opens_its_own_file_only(other: Task) -> None:
    assert CLAIM.opens(TASK)
    assert not CLAIM.opens(other)


@pytest.mark.parametrize("secrets", [[], [b"short"], [NEW, b"short"]])
def test_links_without_a_real_secret_are_refused(secrets: list[bytes]) -> None:
    with pytest.raises(ValueError, match="secrets"):
        LinkSealer(secrets, "")


def test_secret_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "link-secret"
    secret = load_or_create_secret(path)
    assert len(bytes.fromhex(secret.decode())) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_or_create_secret(path) == secret
    assert list(tmp_path.iterdir()) == [path]


def test_two_directories_have_two_secrets(tmp_path: Path) -> None:
    assert load_or_create_secret(tmp_path / "a") != load_or_create_secret(tmp_path / "b")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_secret_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "link-secret"
    path.write_bytes(NEW)
    path.chmod(mode)
    with pytest.raises(PermissionError, match="link-secret"):
        load_or_create_secret(path)


def test_secret_file_with_too_little_in_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "link-secret"
    path.touch(0o600)
    with pytest.raises(ValueError, match="link-secret"):
        load_or_create_secret(path)
