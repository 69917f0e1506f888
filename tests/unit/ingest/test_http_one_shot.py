"""A whole export in one HTTP request: rows in, a link or the file out."""

from dataclasses import replace

import pytest
import trio

from rowferry.ingest.http_one_shot import MAX_HEADER_BYTES
from rowferry.spool.row_bodies import CoreBodies
from tests.unit.export.in_memory import Site
from tests.unit.ingest.http_client import CSV, FRAMES, NDJSON, HttpClient

PEOPLE = b'\xef\xbb\xbfid,name\r\n1,"Ann, \xc5\x81"\r\n2,\r\n'
AS_CSV = "/v1/export?format=csv"
COLUMNS = "%5B%22id%22,%7B%22name%22:%22name%22%7D%5D"  # ["id",{"name":"name"}]


class SearchedBodies(CoreBodies):
    """Bodies whose headers are searched for, counted."""

    searches = 0

    def __init__(self) -> None:
        super().__init__(1 << 20)

    def csv_header(self, head: bytes) -> list[str] | None:
        SearchedBodies.searches += 1
        return super().csv_header(head)


@pytest.fixture
async def client(site: Site, nursery: trio.Nursery) -> HttpClient:
    return HttpClient(site, nursery)


def _content(site: Site) -> bytes:
    (key,) = site.storage.keys()
    return site.storage.content(key)


async def test_header_names_the_columns(site: Site, client: HttpClient) -> None:
    async with site.running():
        made = await client.ask("POST", f"{AS_CSV}&filename=people.csv", PEOPLE, CSV)
    assert made.status == 201
    task = made.document
    assert (task["status"], task["filename"]) == ("COMPLETED", "people.csv")
    assert made.headers["location"] == f"/v1/exports/{task['task_id']}"
    assert _content(site) == 'id,name\r\n1,"Ann, Ł"\r\n2,\r\n'.encode()


async def test_columns_of_one_name_are_columns_all_the_same(
    site: Site, client: HttpClient
) -> None:
    async with site.running():
        made = await client.ask("POST", AS_CSV, b"amount,amount\n1,2\n", CSV)
    assert made.status == 201
    assert _content(site) == b"amount,amount\r\n1,2\r\n"


async def test_header_alone_is_an_empty_file(site: Site, client: HttpClient) -> None:
    async with site.running():
        made = await client.ask("POST", AS_CSV, b"id,name", CSV)
    assert made.document["rows_received"] == 0
    assert _content(site) == b"id,name\r\n"


async def test_named_columns_need_no_header(site: Site, client: HttpClient) -> None:
    seen: set[str] = set()
    async with site.running():
        for headers, body in [
            (CSV, b"1,a\n"),
            (CSV | {"content-type": "text/csv;header=present"}, b"name,id\na,1\n"),
            (NDJSON, b'{"id":"1","name":"a"}\n'),
        ]:
            made = await client.ask("POST", f"{AS_CSV}&columns={COLUMNS}", body, headers)
            assert made.status == 201, made.document
            (key,) = set(site.storage.keys()) - seen
            seen.add(key)
            assert site.storage.content(key) == b"id,name\r\n1,a\r\n"


async def test_link_is_followed_when_the_file_is_wanted(site: Site, client: HttpClient) -> None:
    async with site.running():
        made = await client.ask("POST", f"{AS_CSV}&download=true", PEOPLE, CSV)
    assert made.status == 303
    assert made.headers["location"] == made.document["oss_url"]


async def test_header_byte_by_byte_is_not_searched_for_each_byte(
    site: Site, nursery: trio.Nursery
) -> None:
    site.adapters = replace(site.adapters, bodies=SearchedBodies())
    at_once = CSV | {"prefer": "respond-async"}
    exchange = HttpClient(site, nursery).begin("POST", AS_CSV, at_once)
    for byte in b'"' + b"\n" * 5_000 + b'",name\n1,a\n':
        exchange.put(bytes([byte]))
    exchange.end()
    await exchange.ended.wait()
    assert (exchange.status, exchange.document["rows_received"]) == (202, 1)
    assert 10 < SearchedBodies.searches < 200


@pytest.mark.parametrize("prefer", ["wait=2", "respond-async", 'handling=lenient, wait="2"'])
async def test_impatient_client_is_told_where_to_ask(
    client: HttpClient, mock_clock: trio.testing.MockClock, prefer: str
) -> None:
    exchange = client.begin("POST", f"{AS_CSV}&download=1", CSV | {"prefer": prefer})
    exchange.end(PEOPLE)
    await client.settled()
    mock_clock.jump(3)
    await exchange.ended.wait()
    assert (exchange.status, exchange.document["status"]) == (202, "QUEUED")
    assert exchange.headers["location"].startswith("/v1/exports/")


async def test_same_request_again_gets_the_same_file(site: Site, client: HttpClient) -> None:
    headers = CSV | {"idempotency-key": "monday"}
    async with site.running():
        first = await client.ask("POST", AS_CSV, PEOPLE, headers)
        again = await client.ask("POST", AS_CSV, PEOPLE, headers)
        other = await client.ask("POST", AS_CSV, b"id\n1\n", headers)
    assert (first.status, again.status) == (201, 201)
    assert again.document == first.document
    assert other.error == (409, "IDEMPOTENCY_CONFLICT")


async def test_whole_body_goes_on_where_a_broken_one_ended(site: Site, client: HttpClient) -> None:
    headers = CSV | {"idempotency-key": "monday"}
    body = b"id,name\n" + (b"1," + b"a" * 60_000 + b"\n") * 5
    broken = client.begin("POST", AS_CSV, headers)
    broken.put(body[:200_000])
    await client.settled()
    broken.leave()
    await broken.ended.wait()
    (live,) = site.live_tasks
    assert live.rows_received == 2
    async with site.running():
        made = await client.ask("POST", AS_CSV, body, headers)
    assert (made.document["task_id"], made.document["rows_received"]) == (live.task.id, 5)


async def test_failed_export_answers_with_its_code(site: Site, client: HttpClient) -> None:
    options = "options=%7B%22on_bad_value%22:%22fail%22%7D&column_types=NUMBER,STRING"
    async with site.running():
        made = await client.ask("POST", f"{AS_CSV}&{options}", b"id,name\nx,a\n", CSV)
    assert made.error[0] >= 400
    assert made.context["task_id"]
    assert made.context["row"] == "1"


async def test_file_that_was_cut_off_is_noticed_by_its_rows(client: HttpClient) -> None:
    refused = await client.ask("POST", f"{AS_CSV}&expected_rows=3", PEOPLE, CSV)
    assert refused.error == (409, "ROW_COUNT_MISMATCH")
    assert (refused.context["expected"], refused.context["rows_received"]) == ("3", "2")


@pytest.mark.parametrize(
    ("query", "headers", "body", "field"),
    [
        ("format=pdf", CSV, PEOPLE, "format"),
        ("columns=%7B%7D", CSV, PEOPLE, "columns"),
        ("columns=%5B", CSV, PEOPLE, "columns"),
        ("columns=%5B1%5D", CSV, PEOPLE, ""),
        ("column_types=NUMBER", CSV, PEOPLE, "column_types"),
        ("column_types=MONEY,STRING", CSV, PEOPLE, "column_types"),
        (f"columns={COLUMNS}&column_types=NUMBER,STRING", CSV, PEOPLE, "column_types"),
        ("header=absent", CSV, PEOPLE, "columns"),
        ("header=present", NDJSON, b"", "header"),
        ("", NDJSON, b'{"id":1}', "columns"),
        ("", FRAMES, b"", "columns"),
        ("", CSV, b"", "header"),
        ("", CSV, b'"id\n', "header"),
        ("filename=a%2Fb", CSV, PEOPLE, "filename"),
        ("priority=x", CSV, PEOPLE, ""),
        ("nope=1", CSV, PEOPLE, "nope"),
    ],
)
async def test_request_that_can_not_be_is_refused(
    site: Site, client: HttpClient, query: str, headers: dict[str, str], body: bytes, field: str
) -> None:
    refused = await client.ask("POST", f"/v1/export?{query}", body, headers)
    assert refused.error == (400, "INVALID_METADATA")
    assert refused.context["field"] == field
    assert list(site.live_tasks) == []


async def test_header_without_an_end_is_not_held(client: HttpClient) -> None:
    endless = client.begin("POST", AS_CSV, CSV)
    for _ in range(100):
        endless.put(b"x" * 65_536)
    await endless.ended.wait()
    assert endless.error == (400, "INVALID_METADATA")
    assert (100 - endless.untaken) * 65_536 < 2 * MAX_HEADER_BYTES
