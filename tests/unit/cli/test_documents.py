"""Messages become JSON documents and text as the contract says."""

import json

import msgspec
import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from rowferry.cli.documents import document, human_bytes, lines
from rowferry.v1 import export_pb2 as pb

TASK = pb.TaskStatus(
    task_id="t",
    status=pb.FAILED,
    file_size_bytes=2**40,
    progress_percent=12.5,
    created_time=Timestamp(seconds=1_700_000_000, nanos=250_000_000),
    fidelity=[pb.FidelityIssue(kind="truncated", cells=3, first_row=7)],
    error_context={"row": "7"},
)


def test_a_document_has_every_field_of_the_contract() -> None:
    assert list(document(TASK)) == [field.name for field in pb.TaskStatus.DESCRIPTOR.fields]


def test_integers_are_numbers_and_enums_their_names_and_times_rfc_3339() -> None:
    found = json.loads(msgspec.json.encode(document(TASK)))
    assert found["file_size_bytes"] == 2**40
    assert (found["status"], found["stage"]) == ("FAILED", "STAGE_UNSPECIFIED")
    assert found["created_time"] == "2023-11-14T22:13:20.250Z"
    assert found["start_time"] is None
    assert found["error_context"] == {"row": "7"}
    assert found["fidelity"] == [
        {"kind": "truncated", "cells": 3, "first_row": 7, "first_column": 0}
    ]


def test_a_state_of_a_newer_service_stays_a_number() -> None:
    assert document(pb.TaskStatus(status=77))["status"] == 77  # type: ignore[arg-type]


def test_text_shows_what_is_set_aligned() -> None:
    assert list(lines(TASK)) == [
        "task_id           t",
        "status            FAILED",
        "progress_percent  12.5",
        "file_size_bytes   1099511627776",
        "created_time      2023-11-14T22:13:20.250Z",
        "fidelity          kind truncated, cells 3, first_row 7, first_column 0",
        "error_context     row 7",
    ]


def test_text_of_nothing_is_nothing() -> None:
    assert list(lines(pb.TaskStatusRequest())) == []


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (2**20, "1.0 MiB"), (2**42, "4096.0 GiB")],
)
def test_sizes_are_shown_with_a_unit(number: int, text: str) -> None:
    assert human_bytes(number) == text
