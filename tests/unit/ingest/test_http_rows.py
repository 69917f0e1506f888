"""Rows over HTTP, one body after another: what is kept, what is answered, what is refused."""

import gzip
import json
import re
import tracemalloc
from collections.abc import Callable

import pytest
import trio
from backports import zstd
from trio.testing import wait_all_tasks_blocked

from rowferry.domain.errors import ErrorCode
from rowferry.domain.events import BatchReceived, StreamError, ValidationError
from rowferry.domain.task import TaskState
from rowferry.export.live_task import LiveTask
from rowferry.export.pushed_rows import SETTLE_SECONDS
from rowferry.ingest.request_body import READ_AHEAD_BYTES
from rowferry.ingest.row_call import GROUP_BATCHES
from rowferry.ingest.standing_admission import RECHECK_SECONDS
from tests.record_batches import encode_rows
from tests.unit.export.in_memory import CLIENT, EventNotes, Site
from tests.unit.ingest.http_client import CSV, FRAMES, JSON, NDJSON, NEW_EXPORT, HttpClient, framed

MakeSite = Callable[..., Site]
ROW = b"1,a\n"
LONG_ROW = b"1," + b"a" * 60_000 + b"\n"
IDLE_SECONDS = 300
RESUME_WINDOW_SECONDS = 60


@pytest.fixture
async def client(site: Site, nursery: trio.Nursery) -> HttpClient:
    return HttpClient(site, nursery)


def _only_task(site: Site) -> LiveTask:
    (live,) = site.live_tasks
    return live


# Creation.


async def test_new_export_says_where_its_rows_go(client: HttpClient) -> None:
    created = await client.ask("POST", "/v1/exports", NEW_EXPORT, JSON)
    assert created.status == 201
    task = created.document
    assert (task["status"], task["next_sequence"]) == ("QUEUED", 1)
    assert task["rows_url"] == f"/v1/exports/{task['task_id']}/rows"
    assert created.headers["location"] == f"/v1/exports/{task['task_id']}"


async def test_same_request_again_finds_its_task(client: HttpClient) -> None:
    first = await client.ask("POST", "/v1/exports", NEW_EXPORT, JSON)
    again = await client.ask("POST", "/v1/exports", b'{"metadata": %b}' % NEW_EXPORT, JSON)
    assert (first.status, again.status) == (201, 200)
    assert again.document["task_id"] == first.document["task_id"]


async def test_idempotency_key_is_the_request_id(client: HttpClient) -> None:
    body = NEW_EXPORT.replace(b'"request_id": "request", ', b"")
    created = await client.ask("POST", "/v1/exports", body, JSON | {"idempotency-key": "k-1"})
    assert created.document["request_id"] == "k-1"
    other = await client.ask("POST", "/v1/exports", NEW_EXPORT, JSON | {"idempotency-key": "k-1"})
    assert other.error == (400, "INVALID_METADATA")


async def test_pulled_exports_parameters_are_refused_without_a_provider(
    client: HttpClient, events: EventNotes
) -> None:
    body = b'{"metadata": %b, "run_at": "2100-01-01T00:00:00Z"}' % NEW_EXPORT
    refused = await client.ask("POST", "/v1/exports", body, JSON)
    assert refused.error == (400, "INVALID_METADATA")
    assert (refused.context["field"], refused.context["expected"]) == ("run_at", "provider")
    refused = await client.ask("POST", "/v1/exports", b'{"format": "CSV"}', JSON)
    assert refused.error == (400, "INVALID_METADATA")
    assert events.of(ValidationError)[-1].error_code is ErrorCode.INVALID_METADATA


async def test_export_that_is_no_text_is_refused(client: HttpClient) -> None:
    for body in (b'{"filename": "\xff"}', b'{"\xff": 1}', b'{"a": "\\ud800"}', b"[" * 100_000):
        refused = await client.ask("POST", "/v1/exports", body, JSON)
        assert refused.error == (400, "INVALID_METADATA")


# Bodies.


async def test_each_kind_of_body_brings_rows(site: Site, client: HttpClient) -> None:
    rows = await client.create()
    for sequence, headers, body in [
        (1, CSV, b"1,a\n"),
        (2, {"content-type": "text/csv;header=present"}, b"name,id\r\nb,2\r\n"),
        (3, NDJSON, b'[3,"c"]\n'),
        (4, NDJSON, b'{"name":"d","id":4}'),
        (0, FRAMES, framed(encode_rows([("5", "e")], 5))),
    ]:
        sent = await client.ask("PUT", f"{rows}?seq={sequence}", body, headers)
        assert sent.status == 200, sent.document
    assert (sent.document["next_sequence"], sent.document["rows_received"]) == (6, 5)
    async with site.running():
        finished = await client.ask(
            "POST", rows.replace("/rows", "/finish"), b'{"expected_rows":5,"wait_seconds":0}'
        )
        assert (finished.status, finished.document["status"]) == (200, "COMPLETED")
    (key,) = site.storage.keys()
    assert site.storage.content(key) == b"id,name\r\n1,a\r\n2,b\r\n3,c\r\n4,d\r\n5,e\r\n"


async def test_body_that_finishes_needs_no_finish(site: Site, client: HttpClient) -> None:
    rows = await client.create()
    last = await client.ask("PUT", f"{rows}?finish=true&expected_rows=1", ROW, CSV)
    assert (last.status, last.document["next_sequence"]) == (202, 0)
    assert "rows_url" not in last.document
    async with site.running():
        await _only_task(site).ended.wait()
        again = await client.ask("PUT", f"{rows}?finish=true", ROW, CSV)
        assert (again.status, again.document["status"]) == (200, "COMPLETED")


async def test_client_may_wait_for_the_file(site: Site, client: HttpClient) -> None:
    rows = await client.create()
    async with site.running():
        headers = CSV | {"prefer": "wait=30"}
        last = await client.ask("PUT", f"{rows}?finish=1", ROW, headers)
    assert (last.status, last.document["status"]) == (200, "COMPLETED")
    assert last.document["oss_url"]


async def test_same_body_again_is_kept_once(site: Site, client: HttpClient) -> None:
    rows = await client.create()
    body = LONG_ROW * 7
    first = await client.ask("PUT", f"{rows}?seq=1", body, CSV)
    exchange = client.begin("PUT", f"{rows}?seq=1", CSV)
    for piece in re.findall(b"(?s).{1,7000}", body):  # it arrives in other pieces
        exchange.put(piece)
    exchange.end()
    await exchange.ended.wait()
    for answer in (first, exchange):
        assert answer.document["rows_received"] == 7
        assert answer.document["next_sequence"] == 5  # two rows of 60 KB fit in a batch
    assert _only_task(site).log.rows == 7


async def test_empty_body_tells_where_rows_go_on(client: HttpClient) -> None:
    rows = await client.create()
    await client.ask("PUT", f"{rows}?seq=1", ROW, CSV)
    empty = await client.ask("PUT", rows, b"", CSV)
    assert (empty.status, empty.headers["rowferry-next-sequence"]) == (200, "2")


async def test_head_tells_what_is_kept_and_disturbs_nobody(
    client: HttpClient, mock_clock: trio.testing.MockClock
) -> None:
    rows = await client.create()
    running = client.begin("PUT", f"{rows}?seq=1", CSV)
    running.put(LONG_ROW * 3)
    await client.settled()
    head = client.begin("HEAD", rows)
    head.end()
    await client.settled()
    mock_clock.jump(SETTLE_SECONDS)  # the body did not end meanwhile
    await head.ended.wait()
    assert (head.status, head.body) == (200, b"")
    assert head.headers["rowferry-next-sequence"] == "2"
    assert head.headers["rowferry-rows-received"] == "2"
    assert head.headers["rowferry-status"] == "QUEUED"
    running.end()
    await running.ended.wait()
    assert running.document["rows_received"] == 3


async def test_head_counts_what_a_cut_connection_still_brings(client: HttpClient) -> None:
    rows = await client.create()
    cut = client.begin("PUT", f"{rows}?seq=1", CSV)
    cut.put(LONG_ROW * 3)
    await client.settled()
    head = client.begin("HEAD", rows)
    head.end()
    await wait_all_tasks_blocked()
    assert not head.answered.is_set()
    cut.put(LONG_ROW * 3)  # it was under way when its client went
    await client.settled()
    cut.leave()
    await head.ended.wait()
    assert head.headers["rowferry-rows-received"] == "4"


# Broken connections.


async def test_body_that_breaks_off_is_a_lost_stream_and_resumable(
    site: Site, client: HttpClient, events: EventNotes
) -> None:
    rows = await client.create()
    broken = client.begin("PUT", f"{rows}?seq=1&finish=true", CSV)
    broken.put(LONG_ROW * 3)
    await client.settled()
    broken.leave()
    await broken.ended.wait()
    assert broken.status == 0
    assert [event.error_code for event in events.of(StreamError)] == [ErrorCode.STREAM_LOST]
    live = _only_task(site)
    assert not live.rows_ended
    whole = await client.ask("PUT", f"{rows}?seq=1&finish=true", LONG_ROW * 4, CSV)
    assert whole.document["rows_received"] == 4
    assert live.rows_ended


async def test_client_that_leaves_behind_a_whole_body_has_sent_it(
    site: Site, client: HttpClient
) -> None:
    rows = await client.create()
    left = client.begin("PUT", f"{rows}?seq=1", CSV)
    left.end(ROW)
    left.leave()
    await left.ended.wait()
    assert _only_task(site).rows_received == 1


async def test_silent_client_is_told_so(
    client: HttpClient, mock_clock: trio.testing.MockClock
) -> None:
    rows = await client.create()
    silent = client.begin("PUT", f"{rows}?seq=1", CSV)
    silent.put(LONG_ROW * 3)
    await client.settled()
    mock_clock.jump(IDLE_SECONDS + 1)
    await silent.ended.wait()
    assert silent.error == (408, "STREAM_IDLE")
    assert silent.headers["connection"] == "close"
    assert silent.context["rows_received"] == "2"


async def test_upload_ends_once_its_client_would_be_kept_out_and_is_gone_on_with(
    client: HttpClient, mock_clock: trio.testing.MockClock
) -> None:
    rows = await client.create()
    upload = client.begin("PUT", f"{rows}?seq=1", CSV)
    upload.put(LONG_ROW * 3)
    await client.settled()
    client.doorkeeper.keeps_out = True
    mock_clock.jump(RECHECK_SECONDS)
    await upload.ended.wait()
    assert upload.error == (401, "UNAUTHENTICATED")
    kept, following = upload.context["rows_received"], upload.context["next_sequence"]
    client.doorkeeper.keeps_out = False
    rest = LONG_ROW * (3 - int(kept))
    again = await client.ask("PUT", f"{rows}?seq={following}", rest, CSV)
    assert again.document["rows_received"] == 3


async def test_slow_client_is_not_a_silent_one(
    client: HttpClient, mock_clock: trio.testing.MockClock
) -> None:
    rows = await client.create()
    slow = client.begin("PUT", f"{rows}?seq=1", CSV)
    for _ in range(5):
        slow.put(ROW)
        await client.settled()
        mock_clock.jump(IDLE_SECONDS - 1)
    slow.end()
    await slow.ended.wait()
    assert slow.document["rows_received"] == 5


async def test_export_that_failed_for_want_of_rows_is_opened_by_the_next_body(
    make_site: MakeSite, nursery: trio.Nursery, mock_clock: trio.testing.MockClock
) -> None:
    site = make_site(retention={"failed_spool_seconds": 3600})
    client = HttpClient(site, nursery)
    rows = await client.create()
    await client.ask("PUT", f"{rows}?seq=1", ROW, CSV)
    live = _only_task(site)
    async with site.running():
        mock_clock.jump(RESUME_WINDOW_SECONDS + 1)
        mock_clock.rate = 1.0  # the deadlines' tick
        await live.ended.wait()
    head = await client.ask("HEAD", rows)
    assert head.headers["rowferry-status"] == "FAILED"
    empty = await client.ask("PUT", rows, b"", CSV)
    assert (empty.status, empty.document["status"]) == (200, "QUEUED")
    assert (empty.document["next_sequence"], empty.document["rows_received"]) == (2, 1)
    last = await client.ask("PUT", f"{rows}?seq=2&finish=true&expected_rows=2", ROW, CSV)
    assert last.status == 202


async def test_newest_connection_wins(client: HttpClient) -> None:
    rows = await client.create()
    older = client.begin("PUT", f"{rows}?seq=1", CSV)
    older.put(ROW)
    await client.settled()
    newer = await client.ask("PUT", f"{rows}?seq=1", ROW, CSV)
    await older.ended.wait()
    assert newer.status == 200
    assert older.error == (409, "INVALID_STATE")


async def test_stopping_service_ends_bodies_with_what_is_kept(client: HttpClient) -> None:
    rows = await client.create()
    running = client.begin("PUT", f"{rows}?seq=1", CSV)
    running.put(LONG_ROW * 3)
    await client.settled()
    await client.calls.stop(0)
    await running.ended.wait()
    assert running.error == (503, "SHUTTING_DOWN")
    assert running.context["next_sequence"] == "2"


# Backpressure.


async def test_slow_writer_stops_the_reading_of_the_body(site: Site, client: HttpClient) -> None:
    rows = await client.create()
    site.writers.gate.close()
    async with site.running():
        running = client.begin("PUT", f"{rows}?seq=1", CSV)
        for _ in range(3):
            running.put(LONG_ROW)
        await site.writers.gate.reached()
        for _ in range(100):
            running.put(LONG_ROW)
        live = _only_task(site)
        while live.lag_bytes <= site.config.spool.max_lag_bytes:
            await trio.testing.wait_all_tasks_blocked()
        async with site.limiters.spool_threads:
            await trio.testing.wait_all_tasks_blocked()
        taken_bytes = (103 - running.untaken) * len(LONG_ROW)
        one_group = 2 * READ_AHEAD_BYTES
        assert taken_bytes <= site.config.spool.max_lag_bytes + one_group + READ_AHEAD_BYTES
        site.writers.gate.open()
        running.end()
        await running.ended.wait()
    assert running.document["rows_received"] == 103


# Refusals.


async def test_refusal_tells_the_row_of_the_export_and_where_to_go_on(
    client: HttpClient,
) -> None:
    rows = await client.create()
    await client.ask("PUT", f"{rows}?seq=1", ROW * 2, CSV)
    refused = await client.ask("PUT", f"{rows}?seq=2", LONG_ROW * 3 + b"3,c,d\n", CSV)
    assert refused.error == (400, "INVALID_ROW")
    context = refused.context
    assert (context["row"], context["expected"], context["got"]) == ("6", "2 values", "3 values")
    assert (context["next_sequence"], context["rows_received"]) == ("3", "4")
    mended = await client.ask("PUT", f"{rows}?seq=3", LONG_ROW + b"3,c\n", CSV)
    assert mended.document["rows_received"] == 6


async def test_quote_that_is_never_closed_has_its_row(client: HttpClient) -> None:
    rows = await client.create()
    await client.ask("PUT", f"{rows}?seq=1", ROW, CSV)
    refused = await client.ask("PUT", f"{rows}?seq=2", b'2,b\n3,"c\n', CSV)
    assert refused.error == (400, "INVALID_ROW")
    assert (refused.context["row"], refused.context["body_row"]) == ("3", "2")


async def test_end_inside_a_row_leaves_the_batches_before_it_kept(client: HttpClient) -> None:
    rows = await client.create()
    refused = await client.ask("PUT", rows, LONG_ROW * 3 + b'1,"', CSV)
    assert refused.error == (400, "INVALID_ROW")
    assert (refused.context["row"], refused.context["rows_received"]) == ("4", "2")


async def test_gap_is_refused_with_the_number_that_was_due(client: HttpClient) -> None:
    rows = await client.create()
    refused = await client.ask("PUT", f"{rows}?seq=7", ROW, CSV)
    assert refused.error == (409, "SEQUENCE_GAP")
    assert (refused.context["expected"], refused.context["got"]) == ("1", "7")


async def test_row_count_that_differs_leaves_the_export_open(client: HttpClient) -> None:
    rows = await client.create()
    refused = await client.ask("PUT", f"{rows}?seq=1&finish=true&expected_rows=2", ROW, CSV)
    assert refused.error == (409, "ROW_COUNT_MISMATCH")
    last = await client.ask("PUT", f"{rows}?seq=2&finish=true&expected_rows=2", ROW, CSV)
    assert last.status == 202


async def test_row_longer_than_a_message_is_refused_before_it_is_held(
    client: HttpClient,
) -> None:
    rows = await client.create()
    running = client.begin("PUT", f"{rows}?seq=1", CSV)
    for _ in range(100):
        running.put(b"x" * 65_536)
    await running.ended.wait()
    assert running.error == (413, "TOO_LARGE")
    assert running.untaken > 60


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"content-type": "text/csv; charset=gbk"}, 415),
        ({"content-type": "text/csv; header=maybe"}, 400),
        (CSV | {"content-encoding": "br"}, 415),
    ],
)
async def test_body_in_no_known_form_is_refused_unread(
    client: HttpClient, headers: dict[str, str], status: int
) -> None:
    rows = await client.create()
    refused = client.begin("PUT", rows, headers)
    await refused.ended.wait()
    assert refused.error == (status, "INVALID_METADATA")
    assert not refused.has_asked_on
    assert refused.headers["connection"] == "close"


@pytest.mark.parametrize(
    "query", ["seq=x", "seq=-1", "sequence=1", "seq=1&seq=2", "finish=maybe", "seq=%ff"]
)
async def test_query_that_means_nothing_is_refused(client: HttpClient, query: str) -> None:
    rows = await client.create()
    refused = await client.ask("PUT", f"{rows}?{query}", ROW, CSV)
    assert refused.error == (400, "INVALID_METADATA")


async def test_unknown_export_is_not_found_by_any_method(client: HttpClient) -> None:
    path = f"/v1/exports/{'0' * 32}"
    for method, address in (("PUT", "rows"), ("HEAD", "rows"), ("POST", "finish")):
        refused = await client.ask(method, f"{path}/{address}", ROW * (method == "PUT"), CSV)
        assert refused.error == (404, "NOT_FOUND")


async def test_frames_keep_their_own_numbers(client: HttpClient) -> None:
    rows = await client.create()
    refused = await client.ask("PUT", f"{rows}?seq=1", b"", FRAMES)
    assert (refused.error, refused.context["field"]) == ((400, "INVALID_METADATA"), "seq")


async def test_ended_export_takes_no_rows(site: Site, client: HttpClient) -> None:
    rows = await client.create()
    await client.ask("PUT", f"{rows}?finish=true", ROW, CSV)
    live = _only_task(site)
    async with site.running():
        await live.ended.wait()
    assert (await site.task(live)).state is TaskState.COMPLETED
    finished = await client.ask("POST", rows.replace("/rows", "/finish"))
    assert (finished.status, finished.document["status"]) == (200, "COMPLETED")


async def test_finish_that_is_no_order_is_refused(client: HttpClient) -> None:
    rows = await client.create()
    not_utf_8 = b'{"\xff":1}'
    negative = (b'{"expected_rows":-1}', b'{"wait_seconds":-2}')
    for body in (b"[]", b'{"rows":1}', b"{", not_utf_8, *negative):
        refused = await client.ask("POST", rows.replace("/rows", "/finish"), body)
        assert refused.error == (400, "INVALID_METADATA")


async def test_thousands_of_small_batches_leave_others_their_time(
    site: Site, client: HttpClient, events: EventNotes
) -> None:
    rows = await client.create()
    empty_batches = 1_000
    answer = await client.ask("PUT", rows, bytes(empty_batches), FRAMES)
    assert answer.document["next_sequence"] == empty_batches + 1
    assert max(event.batches for event in events.of(BatchReceived)) == GROUP_BATCHES


async def test_columns_that_a_header_leaves_out_are_filled_in_bounded_memory(
    client: HttpClient,
) -> None:
    columns = [{"name": f"c{number}"} for number in range(2_000)]
    export = {"request_id": "wide", "format": "CSV", "filename": "wide", "columns": columns}
    created = await client.ask("POST", "/v1/exports", json.dumps(export).encode(), JSON)
    body = b"c0\n" + b"1\n" * 10_000
    tracemalloc.start()
    try:
        with_header = {"content-type": "text/csv;header=present"}
        answer = await client.ask("PUT", created.document["rows_url"], body, with_header)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (answer.status, answer.document["rows_received"]) == (200, 10_000)
    assert peak_bytes < 5 << 20


# Content codings.


@pytest.mark.parametrize(
    ("coding", "compress"), [("gzip", gzip.compress), ("zstd", zstd.compress)]
)
async def test_compressed_body_is_the_same_body(
    site: Site, client: HttpClient, coding: str, compress: Callable[[bytes], bytes]
) -> None:
    rows = await client.create()
    body = LONG_ROW * 7
    plain = await client.ask("PUT", f"{rows}?seq=1", body, CSV)
    headers = CSV | {"content-encoding": coding}
    again = client.begin("PUT", f"{rows}?seq=1", headers)
    for byte in compress(body):
        again.put(bytes([byte]))
    again.end()
    await again.ended.wait()
    assert again.document["next_sequence"] == plain.document["next_sequence"] == 5
    assert _only_task(site).log.rows == 7


async def test_bomb_is_refused_at_its_limit(make_site: MakeSite, nursery: trio.Nursery) -> None:
    site = make_site(spool={"max_bytes_per_task": 4 << 20})
    client = HttpClient(site, nursery)
    rows = await client.create()
    bomb = gzip.compress(b"\n" * (64 << 20))
    refused = await client.ask("PUT", rows, bomb, CSV | {"content-encoding": "gzip"})
    assert refused.error == (413, "TOO_LARGE")
    assert refused.context["limit"] == str(4 << 20)


async def test_body_without_rows_waits_for_no_bytes_of_others(
    make_site: MakeSite, nursery: trio.Nursery
) -> None:
    client = HttpClient(make_site(server={"max_inflight_bytes": 16 << 20}), nursery)
    rows = await client.create()
    blank = gzip.compress(b"\n" * (32 << 20))
    answer = await client.ask("PUT", rows, blank, CSV | {"content-encoding": "gzip"})
    assert (answer.status, answer.document["rows_received"]) == (200, 0)


async def test_compressed_body_that_ends_too_soon_does_not_end_the_rows(
    site: Site, client: HttpClient
) -> None:
    rows = await client.create()
    short = gzip.compress(LONG_ROW * 7)[:-9]
    headers = CSV | {"content-encoding": "gzip"}
    refused = await client.ask("PUT", f"{rows}?seq=1&finish=true", short, headers)
    assert refused.error == (400, "INVALID_ROW")
    assert not _only_task(site).rows_ended


async def test_body_of_an_export_that_is_cancelled_meanwhile_is_not_answered_as_kept(
    site: Site, client: HttpClient
) -> None:
    rows = await client.create()
    exchange = client.begin("PUT", rows, CSV)
    exchange.put(LONG_ROW * 3)
    await client.settled()
    await site.exports.commands.cancel(CLIENT, _only_task(site).task.id, "")
    exchange.end(LONG_ROW * 3)
    await exchange.ended.wait()
    assert exchange.error == (409, "CANCELLED")
