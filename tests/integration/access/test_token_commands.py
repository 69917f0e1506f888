"""``rowferry token`` as its user calls it."""

import json
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from rowferry.access.token_file import read_tokens
from rowferry.access.token_text import is_damaged, token_digest
from rowferry.cli import main

Token = Callable[..., tuple[int, str, str]]


@pytest.fixture
def tokens_file(tmp_path: Path) -> Path:
    return tmp_path / "data" / "tokens.json"


@pytest.fixture
def token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Token:
    """Run ``rowferry token …``; give the exit code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROWFERRY__SERVER__DATA_DIRECTORY", str(tmp_path / "data"))
    monkeypatch.setenv("ROWFERRY__SECURITY__AUTH_ENABLED", "true")
    monkeypatch.setenv("ROWFERRY__SECURITY__CLIENTS", '[{"name": "shop"}, {"name": "billing"}]')

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["rowferry", "token", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return run


def documents(printed: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in printed.splitlines()]


def test_a_token_is_printed_once_and_alone(token: Token, tokens_file: Path) -> None:
    code, printed, said = token("create", "shop", "--expires", "90d", "--note", "laptop")
    text = printed.removesuffix("\n")
    (record,) = read_tokens(tokens_file)
    assert (code, is_damaged(text)) == (0, False)
    assert record.sha256 == token_digest(text)
    assert record.id in said
    assert text not in said
    assert record.expires_at == record.created_at + timedelta(days=90)
    assert (record.client, record.note) == ("shop", "laptop")
    _, listed, _ = token("list")
    assert record.id in listed
    assert "laptop" in listed
    assert text not in listed
    assert record.sha256 not in listed


def test_json_is_one_object_a_line(token: Token) -> None:
    _, printed, said = token("create", "shop", "--json")
    (created,) = documents(printed)
    assert (created["client"], created["expires_at"], said) == ("shop", None, "")
    assert not is_damaged(created["token"])
    token("create", "billing", "--expires", "12h")
    code, printed, _ = token("revoke", created["id"], "--json")
    assert (code, documents(printed)[0]["state"]) == (0, "revoked")
    _, printed, _ = token("list", "--json")
    listed = documents(printed)
    assert [(one["client"], one["state"]) for one in listed] == [
        ("shop", "revoked"),
        ("billing", "active"),
    ]
    assert datetime.fromisoformat(listed[1]["expires_at"]).tzinfo is not None
    assert not {"token", "sha256"} & set(listed[0])


@pytest.mark.parametrize(
    "arguments",
    [
        ("create", "stranger"),
        ("create", "shop", "--expires", "soon"),
        ("create", "shop", "--expires", "0d"),
        ("create", "shop", "--note", "two\nlines"),
        ("revoke", "0" * 12),
    ],
)
def test_what_makes_no_sense_is_2_and_changes_nothing(
    token: Token, tokens_file: Path, arguments: tuple[str, ...]
) -> None:
    code, printed, said = token(*arguments)
    assert (code, printed) == (2, "")
    assert said.startswith("rowferry: ")
    assert read_tokens(tokens_file) == ()


def test_a_broken_file_is_2(token: Token, tokens_file: Path) -> None:
    tokens_file.parent.mkdir()
    tokens_file.write_text("{")
    for arguments in (("create", "shop"), ("list",), ("revoke", "0" * 12)):
        code, _, said = token(*arguments)
        assert (code, "tokens_file" in said) == (2, True)
