"""The file of tokens keeps hashes, and survives those who change it at once."""

import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rowferry.access.token_file import (
    KEPT_AFTER_END,
    create_token,
    read_tokens,
    revoke_token,
)
from rowferry.access.token_text import token_digest
from rowferry.config_sources import ConfigError

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "tokens.json"


def test_no_file_is_no_tokens(path: Path) -> None:
    assert read_tokens(path) == ()


def test_a_token_is_kept_as_its_hash_alone(path: Path) -> None:
    made = create_token(path, "shop", now=NOW, expires_at=NOW + DAY, note="laptop")
    assert read_tokens(path) == (made.record,)
    assert made.record.sha256 == token_digest(made.text)
    assert made.text not in path.read_text()
    assert made.text not in repr(made)


def test_only_its_owner_reads_the_file(path: Path) -> None:
    create_token(path, "shop", now=NOW)
    create_token(path, "shop", now=NOW)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_client_has_as_many_tokens_as_were_made(path: Path) -> None:
    ids = [create_token(path, "shop", now=NOW).record.id for _ in range(3)]
    assert [token.id for token in read_tokens(path)] == ids


def test_a_revoked_token_stays_known(path: Path) -> None:
    kept, ended = (create_token(path, "shop", now=NOW).record for _ in range(2))
    revoked = revoke_token(path, ended.id, now=NOW + DAY)
    assert revoked is not None
    assert revoked.revoked_at == NOW + DAY
    assert read_tokens(path) == (kept, revoked)
    assert revoke_token(path, ended.id, now=NOW + 2 * DAY) == revoked


def test_a_token_that_is_not_there_is_not_revoked(path: Path) -> None:
    assert revoke_token(path, "0" * 12, now=NOW) is None


def test_states_follow_from_times(path: Path) -> None:
    made = create_token(path, "shop", now=NOW, expires_at=NOW + DAY).record
    assert [made.state(NOW), made.state(NOW + DAY)] == ["active", "expired"]
    revoked = revoke_token(path, made.id, now=NOW)
    assert revoked is not None
    assert revoked.state(NOW + 2 * DAY) == "revoked"


def test_what_ended_long_ago_is_forgotten_with_the_next_change(path: Path) -> None:
    create_token(path, "shop", now=NOW, expires_at=NOW + DAY)
    lasting = create_token(path, "shop", now=NOW).record
    later = NOW + 2 * DAY + KEPT_AFTER_END
    newest = create_token(path, "shop", now=later).record
    assert read_tokens(path) == (lasting, newest)


def test_changes_at_once_lose_nothing(path: Path) -> None:
    threads = [
        threading.Thread(target=create_token, args=(path, f"client-{n}"), kwargs={"now": NOW})
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(read_tokens(path)) == 8


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'{"tokens": [{"client": 1}]}',
        b'{"tokens": [{"client": "\xff"}]}',
        b'{"tokens": [{"client": "a", "sha256": "b", "created_at": "2026-01-01T00:00:00"}]}',
        b'{"x": 1}',
    ],
)
def test_a_file_of_something_else_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="tokens_file"):
        create_token(path, "shop", now=NOW)
    assert path.read_bytes() == content
