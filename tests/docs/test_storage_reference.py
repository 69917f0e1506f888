"""docs/storage.md tells what the doctor tells, and its policies have the rights that are used."""

import json
import re
from pathlib import Path

import pytest

from rowferry.cli.doctor.advice import ADVICE
from rowferry.cli.doctor.storage import RIGHTS

PAGE = (Path(__file__).parents[2] / "docs" / "storage.md").read_text("utf-8")


def test_page_has_every_answer_that_is_explained_word_for_word() -> None:
    table = PAGE.split("## What storages answer")[1]
    assert dict(re.findall(r"^\| `(\w+)` \| (.+) \|$", table, re.MULTILINE)) == dict(ADVICE)


@pytest.mark.parametrize(("storage", "column"), [("OSS", 0), ("S3", 1)])
def test_policy_allows_what_is_asked_and_no_more(storage: str, column: int) -> None:
    found = re.search(rf"<!-- policy of {storage} -->\n```json\n(.+?)```", PAGE, re.DOTALL)
    assert found is not None
    statements = json.loads(found[1])["Statement"]
    allowed = [action for statement in statements for action in statement["Action"]]
    assert sorted(allowed) == sorted({rights[column] for rights in RIGHTS.values()})


def test_page_names_every_check_of_a_storage() -> None:
    table = PAGE.split("## `rowferry doctor`")[1].split("## ")[0]
    named = set(re.findall(r"`((?:storage|multipart)\.\w+|lifecycle)`", table))
    assert named - {"storage.min_free_bytes"} == set(RIGHTS)
