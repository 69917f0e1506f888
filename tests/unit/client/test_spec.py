"""What an export is asked to be, and where."""

from datetime import UTC, datetime

import pytest

from rowferry.client import Client, Column, ExportOptions, InvalidRequestError, sync
from rowferry.client.export_spec import ExportSpec, counted, metadata_of, row_shape
from rowferry.client.spec import moment_message
from rowferry.v1 import export_pb2 as pb


def test_a_spec_becomes_the_contracts_metadata() -> None:
    metadata = metadata_of(
        {
            "columns": ["Name", Column("Amount", "number", 12, "0.00", "amount")],
            "format": "CSV",
            "filename": "orders.csv",
            "request_id": "r",
            "options": ExportOptions(csv_delimiter=";"),
            "tags": {"team": "sales"},
            "owner": "ada",
        }
    )
    assert metadata == pb.ExportMetadata(
        request_id="r",
        format=pb.CSV,
        filename="orders.csv",
        columns=[
            pb.ColumnDefinition(name="Name"),
            pb.ColumnDefinition(
                name="Amount", data_type=pb.NUMBER, width=12, format="0.00", key="amount"
            ),
        ],
        options=pb.FormatOptions(csv_delimiter=";"),
        tags={"team": "sales"},
        owner="ada",
    )


def test_what_is_not_said_is_made_up() -> None:
    one, two = (metadata_of({"columns": ["A"]}) for _ in range(2))
    assert (one.format, one.filename) == (pb.EXCEL, "export.xlsx")
    assert one.request_id
    assert one.request_id != two.request_id


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"columns": [Column("A", "text")]}, "columns[0].type"),
        ({"columns": ["A"], "format": "pdf"}, "format"),
    ],
    ids=["type", "format"],
)
def test_words_that_there_are_not_are_refused(spec: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        metadata_of(spec)  # type: ignore[arg-type]
    assert (caught.value.code, caught.value.context["field"]) == ("INVALID_METADATA", field)


def test_rows_are_keyed_by_names_where_there_is_no_key() -> None:
    shape = row_shape({"columns": ["A", Column("B"), Column("C", key="c")]})
    assert (shape.keys, shape.with_offsets) == (("A", "B", "c"), False)
    zoned = ExportOptions(timezone="UTC")
    assert row_shape({"columns": ["A"], "options": zoned}).with_offsets


def test_rows_are_counted_where_that_costs_nothing() -> None:
    spec = metadata_of(_counted([[1], [2]]))
    assert spec.expected_rows == 2
    assert metadata_of(_counted(iter([[1]]))).expected_rows == 0


def _counted(rows: object) -> ExportSpec:  # what ``export`` makes of its arguments
    spec: ExportSpec = {"columns": ["A"]}
    counted(rows, spec)
    return spec


@pytest.mark.parametrize("make", [Client, sync.Client], ids=["trio", "sync"])
def test_arguments_that_can_not_be_used_are_told_when_a_client_is_made(
    make: type[Client | sync.Client],
) -> None:
    for address in ("", "a:b", "ftp://a:1", "a:1/x"):
        with pytest.raises(ValueError, match="no address"):
            make(address)
    with pytest.raises(ValueError, match="certificate_file"):
        make("a:1", key_file="key.pem")
    with pytest.raises(FileNotFoundError):
        make("a:1", ca_file="none.pem")
    for token in ("se cret", "se\ncret", "sécret"):
        with pytest.raises(ValueError, match="token") as refused:
            make("a:1", token=token)
        assert "cret" not in str(refused.value)


def test_moments_without_a_zone_are_refused() -> None:
    naive = datetime(2026, 1, 31)  # noqa: DTZ001
    with pytest.raises(InvalidRequestError, match="timezone") as refused:
        moment_message(naive, "run_at")
    assert refused.value.context["field"] == "run_at"
    assert moment_message(naive.replace(tzinfo=UTC), "run_at").seconds == 1_769_817_600


async def test_a_client_outside_of_its_block_says_so() -> None:
    with pytest.raises(RuntimeError, match="async with"):
        await Client("127.0.0.1:1").status("t")
