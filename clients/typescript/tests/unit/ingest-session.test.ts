import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import {
  ConflictError,
  ExportFailedError,
  InvalidRowError,
  UnauthenticatedError,
  UnreachableError,
} from "../../src/errors.js";
import { exportRows, openExport } from "../../src/exports.js";
import { KEPT_BYTES } from "../../src/ingest-session.js";
import type { ExportOptions, ExportSpec, Row } from "../../src/types.js";
import { FakeService, type FakeSocket } from "./fake-service.js";

const SPEC: ExportSpec = { columns: ["a"], format: "csv", filename: "f", requestId: "r1" };
const DONE = {
  type: "result",
  task_id: "t1",
  status: "COMPLETED",
  error_context: {},
  fidelity: [],
};
const BIG = "x".repeat(100_000);

beforeEach(() => {
  mock.restoreAll();
  mock.method(Math, "random", () => 0); // no delay before another connection
});

function rows(count: number): Row[] {
  return Array.from({ length: count }, (_, index) => [index + 1]);
}

function bigRows(count: number): Row[] {
  return Array.from({ length: count }, (_, index) => [`${index + 1}${BIG}`]);
}

function firstCells(...sockets: FakeSocket[]): unknown[] {
  return sockets.flatMap(({ batches }) =>
    batches.flatMap((batch) => batch.rows.map(([cell]) => cell)),
  );
}

function begin(data: Iterable<Row>, options: ExportOptions = {}, spec = SPEC) {
  const service = new FakeService();
  const result = exportRows(service.endpoint(), data, spec, options);
  result.catch(() => {}); // awaited by the test, later
  return { service, result };
}

function metadataIn(socket: FakeSocket): Record<string, unknown> {
  return (socket.texts[0] as { metadata: Record<string, unknown> }).metadata;
}

function acknowledge(socket: FakeSocket, sequence: number, credit_bytes = 2 ** 24): void {
  socket.say({ type: "ack", batch_sequence: sequence, rows: sequence, bytes: 1, credit_bytes });
}

/** Let everything that is ready happen. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

test("an export is metadata, batches, finish, and the result", async () => {
  const spec: ExportSpec = {
    ...SPEC,
    columns: ["a", { name: "B", dataType: "NUMBER", key: "b" }],
    options: { csvDelimiter: ";", onBadValue: "fail" },
    tags: { someTag: "kept_as itIs" },
    waitSeconds: 0,
    expectedRows: 2,
  };
  const { service, result } = begin([["x", 1], { b: 2 }], {}, spec);
  const socket = await service.connection(1);
  assert.equal(socket.url, "ws://rows.example:9092/v1/ingest");
  assert.deepEqual(socket.protocols, ["rowferry.ingest.v1"]);
  assert.deepEqual(socket.texts, [
    {
      type: "metadata",
      metadata: {
        request_id: "r1",
        format: "CSV",
        filename: "f",
        columns: [{ name: "a" }, { name: "B", data_type: "NUMBER", key: "b" }],
        options: { csv_delimiter: ";", on_bad_value: "fail" },
        tags: { someTag: "kept_as itIs" },
        wait_seconds: -1,
        expected_rows: 2,
      },
    },
  ]);
  socket.create();
  await turn();
  assert.deepEqual(socket.batches, [
    {
      sequence: 1,
      rows: [
        ["x", 1],
        [null, 2],
      ],
    },
  ]);
  assert.deepEqual(socket.texts[1], { type: "finish", expected_rows: 2 });
  acknowledge(socket, 1);
  socket.say({ ...DONE, oss_url: "http://x/d/1", record_count: 2, new_field: { deep_er: 1 } });
  const { ossUrl, recordCount, requestId, newField } = (await result) as never as Record<
    string,
    unknown
  >;
  assert.deepEqual([ossUrl, recordCount, requestId], ["http://x/d/1", 2, "r1"]);
  assert.deepEqual(newField, { deepEr: 1 });
});

test("waiting is the contract's word for it", async () => {
  for (const [waitSeconds, wait_seconds] of [
    [undefined, undefined],
    [0, -1],
    [2.5, 3],
  ] as const) {
    const service = new FakeService();
    const spec = { ...SPEC, ...(waitSeconds !== undefined && { waitSeconds }) };
    const result = exportRows(service.endpoint(), [], spec);
    const socket = await service.connection(1);
    assert.equal(metadataIn(socket).wait_seconds, wait_seconds);
    socket.create();
    socket.say(DONE);
    await result;
  }
});

test("a request id is made where none is given, another one each time", async () => {
  const { requestId: _, ...spec } = SPEC;
  const ids = new Set<unknown>();
  for (let round = 0; round < 3; round++) {
    const { service, result } = begin([], {}, spec);
    const socket = await service.connection(1);
    ids.add(metadataIn(socket).request_id);
    socket.create();
    socket.say(DONE);
    ids.add((await result).requestId);
  }
  assert.equal(ids.size, 3);
});

test("no more is sent than there is credit for", async () => {
  const { service, result } = begin(bigRows(20));
  const socket = await service.connection(1);
  let credit = 2 ** 20;
  socket.create({ credit_bytes: credit });
  for (let sequence = 0; socket.texts.length < 2; ) {
    await turn();
    assert.ok(socket.sentBytes <= credit, `${socket.sentBytes} of ${credit}`);
    assert.ok(socket.batches.length > sequence, "credit is used");
    sequence = socket.batches.length;
    credit += 400_000;
    if (sequence % 2) socket.say({ type: "credit", credit_bytes: credit });
    else acknowledge(socket, sequence, credit);
  }
  acknowledge(socket, 100);
  socket.say(DONE);
  await result;
  assert.equal(firstCells(socket).length, 20);
});

test("rows are drawn no faster than the service acknowledges them", async () => {
  let drawn = 0;
  function* endless(): Generator<Row> {
    for (;;) {
      drawn += 1;
      yield [BIG];
    }
  }
  const controller = new AbortController();
  const { service, result } = begin(endless(), { signal: controller.signal });
  const socket = await service.connection(1);
  socket.create();
  await turn();
  const atRest = drawn;
  assert.ok(atRest * BIG.length < KEPT_BYTES + 2 ** 20, `${atRest} rows`);
  await turn();
  assert.equal(drawn, atRest);
  acknowledge(socket, 4);
  await turn();
  assert.ok(drawn > atRest && drawn < atRest + 20, `${drawn} after ${atRest}`);
  controller.abort();
  await assert.rejects(result, { name: "AbortError" });
});

test("what was not acknowledged is sent again after a cut, and nothing else", async () => {
  const told: string[] = [];
  const { service, result } = begin(bigRows(12), {
    onReconnect: (error, delaySeconds) =>
      told.push(`${(error as UnreachableError).code} ${delaySeconds}`),
  });
  const first = await service.connection(1);
  first.create();
  await turn();
  acknowledge(first, 1);
  first.drop();
  const second = await service.connection(2);
  assert.deepEqual(second.texts[0], first.texts[0]);
  second.create({ next_sequence: 3, rows_received: 6 });
  await turn();
  assert.deepEqual(
    second.batches.map(({ sequence }) => sequence),
    first.batches.slice(2).map(({ sequence }) => sequence),
  );
  assert.deepEqual(second.texts[1], { type: "finish", expected_rows: 12 });
  acknowledge(second, 9);
  second.say(DONE);
  await result;
  assert.deepEqual(told, ["UNREACHABLE 0"]);
});

test("a cut behind the end of rows is followed by the wait for the result", async () => {
  const { service, result } = begin(rows(3));
  const first = await service.connection(1);
  first.create();
  await turn();
  first.drop(1012);
  const second = await service.connection(2);
  second.create({ next_sequence: 0, rows_received: 3 });
  assert.deepEqual(second.batches, []);
  assert.equal(second.texts[1]?.type, "finish");
  second.say(DONE);
  await result;
});

test("the same request again skips the rows that are there", async () => {
  const { service, result } = begin(rows(5));
  const socket = await service.connection(1);
  socket.create({ next_sequence: 4, rows_received: 3 });
  await turn();
  assert.deepEqual(socket.batches, [{ sequence: 4, rows: [[4], [5]] }]);
  assert.deepEqual(socket.texts[1], { type: "finish", expected_rows: 5 });
  socket.say(DONE);
  await result;
});

test("the same request as one whose rows have ended draws no row at all", async () => {
  let drawn = false;
  function* never(): Generator<Row> {
    drawn = true;
    yield [1];
  }
  const { service, result } = begin(never());
  const socket = await service.connection(1);
  socket.create({ next_sequence: 0 });
  await turn();
  assert.deepEqual(socket.texts[1], { type: "finish", expected_rows: 0 });
  socket.say(DONE);
  assert.equal((await result).status, "COMPLETED");
  assert.ok(!drawn);
});

test("another sender of the same request is found out", async () => {
  const { service, result } = begin(bigRows(12));
  const first = await service.connection(1);
  first.create();
  await turn();
  first.drop();
  (await service.connection(2)).create({ next_sequence: 90 });
  await assert.rejects(result, (error) => error instanceof ConflictError);
});

test("an error frame is its class, with task and request", async () => {
  const { service, result } = begin(rows(2));
  const socket = await service.connection(1);
  socket.create();
  const context = { row: 2, column: 1, expected: "1 value", got: "2" };
  socket.say({ type: "error", error: { code: "INVALID_ROW", message: "No.", context } });
  await assert.rejects(result, (error) => {
    assert.ok(error instanceof InvalidRowError);
    assert.equal(error.message, "No.");
    assert.equal(error.context.row, "2");
    assert.deepEqual([error.taskId, error.requestId], ["t1", "r1"]);
    return true;
  });
  assert.equal(service.sockets.length, 1);
});

test("a passing error frame is followed by another connection, after the time that it asks for", async () => {
  for (const code of ["SHUTTING_DOWN", "DATABASE_UNAVAILABLE", "STREAM_IDLE", "DISK_FULL"]) {
    const { service, result } = begin(rows(2));
    const first = await service.connection(1);
    first.say({ type: "error", error: { code, message: "Later." } });
    const second = await service.connection(2);
    second.create();
    second.say(DONE);
    await result;
  }
  const { result, service } = begin(rows(2), { retryForSeconds: 5 });
  const context = { retry_after_seconds: 7 };
  (await service.connection(1)).say({
    type: "error",
    error: { code: "RATE_LIMITED", message: "Later.", context },
  });
  await assert.rejects(result, { code: "RATE_LIMITED" });
});

test("patience ends where nothing gets on", async () => {
  const { service, result } = begin(rows(1), { retryForSeconds: 0 });
  (await service.connection(1)).drop();
  mock.method(Math, "random", () => 1);
  await assert.rejects(result, (error) => error instanceof UnreachableError);
});

test("a connection that stood while nothing was left to do takes no patience", async () => {
  const { service, result } = begin(rows(2), { retryForSeconds: 60 });
  const first = await service.connection(1);
  first.create();
  await turn();
  first.drop();
  const second = await service.connection(2);
  second.create();
  acknowledge(second, 1);
  const now = performance.now();
  mock.method(performance, "now", () => now + 600_000); // a large file, long in the writing
  second.drop();
  const third = await service.connection(3);
  third.create({ next_sequence: 0 });
  third.say(DONE);
  await result;
});

test("a close code without an error frame is no reason to come again, unless it is the network's", async () => {
  for (const [code, passes] of [
    [1000, true],
    [1001, true],
    [1006, true],
    [1012, true],
    [1002, false],
    [1008, false],
    [4400, false],
    [4999, false],
  ] as const) {
    const { service, result } = begin(rows(1));
    (await service.connection(1)).drop(code, "why");
    if (!passes) {
      await assert.rejects(result, { code: "CLOSED", context: { close_code: `${code}` } });
      continue;
    }
    const second = await service.connection(2);
    second.create();
    second.say(DONE);
    await result;
  }
});

test("rubbish is told as such, at once", async () => {
  for (const rubbish of [
    "<!doctype html><title>502</title>",
    "",
    "null",
    "[]",
    "5",
    '{"type": 7}',
    '{"type": "task_created"}',
    '{"type": "task_created", "task_id": "t", "next_sequence": "1"}',
    '{"type": "ack", "batch_sequence": null}',
    '{"type": "error"}',
    '{"type": "credit", "credit_bytes": "all"}',
  ]) {
    const { service, result } = begin(rows(1));
    (await service.connection(1)).say(rubbish);
    await assert.rejects(result, (error) => error instanceof UnreachableError, rubbish);
    assert.equal(service.sockets.length, 1, rubbish);
  }
});

test("frames and fields of a newer service are passed over", async () => {
  const { service, result } = begin(rows(2));
  const socket = await service.connection(1);
  socket.say({ type: "weather", credit_bytes: 0, sun: true });
  socket.create({ moon: { full: true } });
  await turn();
  socket.say({ type: "hint" });
  acknowledge(socket, 1);
  socket.say({ ...DONE, status: "COMPLETED", stars: [1] });
  await result;
});

test("a failed task is an error with the task's code", async () => {
  const { service, result } = begin(rows(2));
  const socket = await service.connection(1);
  socket.create();
  socket.say({
    ...DONE,
    status: "FAILED",
    error_code: "ROW_LIMIT",
    error_message: "Too many.",
    error_context: { limit: "9" },
    next_attempt_time: null,
  });
  await assert.rejects(result, (error) => {
    assert.ok(error instanceof ExportFailedError);
    assert.deepEqual([error.code, error.message, error.taskId], ["ROW_LIMIT", "Too many.", "t1"]);
    assert.equal(error.context.limit, "9");
    return true;
  });
});

test("a task that will be tried again is no error", async () => {
  const { service, result } = begin(rows(2), {}, { ...SPEC, waitSeconds: 1 });
  const socket = await service.connection(1);
  socket.create();
  socket.say({ ...DONE, status: "FAILED", next_attempt_time: "2026-03-01T00:00:00Z" });
  assert.equal((await result).status, "FAILED");
});

test("a row that can't be sent ends the connection, and no finish is sent", async () => {
  const { service, result } = begin([[1], [2], [Number.NaN]]);
  const socket = await service.connection(1);
  socket.create();
  await assert.rejects(result, { code: "INVALID_ROW", taskId: "t1", requestId: "r1" });
  assert.equal(socket.texts.length, 1);
  assert.equal(socket.readyState, 3);
});

test("what the rows throw is thrown, and their generator is closed when the export fails", async () => {
  const boom = new Error("boom");
  function* failing(): Generator<Row> {
    yield [1];
    throw boom;
  }
  const failed = begin(failing());
  (await failed.service.connection(1)).create();
  await assert.rejects(failed.result, boom);

  let closed = false;
  async function* watched(): AsyncGenerator<Row> {
    try {
      for (;;) yield [BIG];
    } finally {
      closed = true;
    }
  }
  const service = new FakeService();
  const result = exportRows(service.endpoint(), watched(), SPEC);
  const socket = await service.connection(1);
  socket.create();
  await turn();
  socket.say({ type: "error", error: { code: "CANCELLED", message: "Over." } });
  await assert.rejects(result, (error) => error instanceof ExportFailedError);
  assert.ok(closed);
});

test("a signal ends an export in every state, with its reason", async () => {
  const reason = new Error("enough");
  await assert.rejects(begin(rows(1), { signal: AbortSignal.abort(reason) }).result, reason);

  for (const moment of ["connecting", "waiting for the task", "sending", "waiting for the file"]) {
    const controller = new AbortController();
    const data = moment === "sending" ? bigRows(500) : rows(1);
    const { service, result } = begin(data, { signal: controller.signal });
    if (moment !== "connecting") {
      const socket = await service.connection(1);
      if (moment !== "waiting for the task") socket.create();
    }
    await turn();
    controller.abort(reason);
    await assert.rejects(result, reason, moment);
    assert.equal(service.sockets[0]?.readyState, 3, moment);
  }
});

test("a signal ends an export whose next row never comes", async () => {
  const controller = new AbortController();
  const service = new FakeService();
  async function* stuck(): AsyncGenerator<Row> {
    yield [1];
    await new Promise(() => {});
  }
  const result = exportRows(service.endpoint(), stuck(), SPEC, { signal: controller.signal });
  (await service.connection(1)).create();
  await turn();
  controller.abort();
  await assert.rejects(result, { name: "AbortError" });
});

test("a signal ends the wait before another connection", async () => {
  mock.method(Math, "random", () => 1e9);
  const controller = new AbortController();
  const { service, result } = begin(rows(1), {
    signal: controller.signal,
    retryForSeconds: 1e12,
    onReconnect: () => setImmediate(() => controller.abort()),
  });
  (await service.connection(1)).drop();
  await assert.rejects(result, { name: "AbortError" });
});

test("a token goes in the first message, where a refusal of it can be told", async () => {
  for (const token of ["abc-._~+", "with space, comma/=", "töken"]) {
    const service = new FakeService();
    const result = exportRows(service.endpoint(token), [], SPEC);
    const socket = await service.connection(1);
    assert.deepEqual(socket.protocols, ["rowferry.ingest.v1"]);
    assert.ok(!socket.url.includes(token));
    assert.deepEqual(socket.texts[0], { type: "auth", token });
    assert.equal(socket.texts[1]?.type, "metadata");
    socket.say({ type: "error", error: { code: "UNAUTHENTICATED", message: "No." } });
    await assert.rejects(result, (error) => {
      assert.ok(error instanceof UnauthenticatedError);
      assert.ok(!`${error.stack}${JSON.stringify(error)}`.includes(token));
      return true;
    });
    assert.equal(service.sockets.length, 1);
  }
});

test("a writable takes rows, resolves its close when they are safe, and the result behind that", async () => {
  const service = new FakeService();
  const opening = openExport(service.endpoint(), SPEC);
  const socket = await service.connection(1);
  socket.create();
  const { writable, taskId, result } = await opening;
  assert.equal(taskId, "t1");
  const writer = writable.getWriter();
  await writer.write([1]);
  await writer.write({ a: 2 });
  let closed = false;
  const closing = writer.close().then(() => {
    closed = true;
  });
  await turn();
  assert.ok(!closed);
  acknowledge(socket, 1);
  await closing;
  socket.say(DONE);
  assert.equal((await result).status, "COMPLETED");
});

test("a writable has back-pressure, and is errored by what ends the export", async () => {
  const service = new FakeService();
  const opening = openExport(service.endpoint(), SPEC);
  const socket = await service.connection(1);
  socket.create();
  const { writable, result } = await opening;
  const writer = writable.getWriter();
  let written = 0;
  const writing = (async () => {
    for (;;) {
      await writer.ready;
      writer.write([BIG]).catch(() => {});
      written += 1;
    }
  })();
  writing.catch(() => {});
  await turn();
  await turn();
  const atRest = written;
  assert.ok(atRest < 2000, `${atRest} rows`);
  await turn();
  assert.equal(written, atRest);
  socket.say({ type: "error", error: { code: "CANCELLED", message: "Over." } });
  await assert.rejects(result, { code: "CANCELLED" });
  await assert.rejects(writing, { code: "CANCELLED" });
  await assert.rejects(writer.closed, { code: "CANCELLED" });
});

async function opened() {
  const service = new FakeService();
  const opening = openExport(service.endpoint(), SPEC);
  const socket = await service.connection(1);
  socket.create();
  return { socket, exporting: await opening };
}

test("many rows are written at once, in their order even where nobody awaits, with back-pressure", async () => {
  const { socket, exporting } = await opened();
  let drawn = 0;
  async function* second(): AsyncGenerator<Row> {
    for (const row of bigRows(200)) {
      drawn += 1;
      yield row;
    }
  }
  exporting.write([["first"]]);
  const writing = exporting.write(second());
  exporting.write([["last"]]);
  const closing = exporting.writable.close();
  for (let sequence = 1; socket.texts.length < 2; sequence = socket.batches.length) {
    for (let turns = 0; turns < 3; turns++) await turn();
    assert.ok((drawn - sequence) * BIG.length < 3 * KEPT_BYTES, `${drawn} after ${sequence}`);
    acknowledge(socket, sequence, 2 ** 30);
  }
  await writing;
  acknowledge(socket, 2 ** 20);
  await closing;
  socket.say(DONE);
  await exporting.result;
  const cells = firstCells(socket) as string[];
  assert.deepEqual([cells[0], cells.at(-1), cells.length], ["first", "last", 202]);
  assert.ok(cells.slice(1, -1).every((cell, index) => Number.parseInt(cell, 10) === index + 1));
  await assert.rejects(exporting.write([["late"]]));
});

test("rows behind the end of rows are refused, and none is lost without a word", async () => {
  const { socket, exporting } = await opened();
  await exporting.write([["a"]]);
  const closing = exporting.writable.close();
  await turn();
  const late = exporting.write([["late"]]);
  await assert.rejects(late, TypeError);
  await assert.rejects(exporting.result, TypeError);
  await assert.rejects(closing);
  assert.deepEqual(firstCells(socket), ["a"]);
});

test("what many rows throw ends the export where they are", async () => {
  const boom = new Error("boom");
  const { socket, exporting } = await opened();
  function* failing(): Generator<Row> {
    yield ["a"];
    throw boom;
  }
  await assert.rejects(exporting.write(failing()), boom);
  await assert.rejects(exporting.write([["b"]]), boom);
  await assert.rejects(exporting.result, boom);
  await assert.rejects(exporting.writable.close());
  assert.deepEqual(firstCells(socket), []);
  assert.equal(socket.texts.length, 1);
});

test("a writable that is aborted leaves the task open", async () => {
  const service = new FakeService();
  const opening = openExport(service.endpoint(), SPEC);
  const socket = await service.connection(1);
  socket.create();
  const { writable, result } = await opening;
  const reason = new Error("never mind");
  await writable.abort(reason);
  await assert.rejects(result, reason);
  assert.deepEqual(
    socket.texts.map(({ type }) => type),
    ["metadata"],
  );
});

test("rows that come slowly are sent without waiting for a full batch", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const service = new FakeService();
  const opening = openExport(service.endpoint(), SPEC);
  const socket = await service.connection(1);
  socket.create();
  const { writable, result } = await opening;
  const writer = writable.getWriter();
  await writer.write([1]);
  assert.deepEqual(socket.batches, []);
  context.mock.timers.tick(500);
  assert.deepEqual(socket.batches, [{ sequence: 1, rows: [[1]] }]);
  await writer.abort();
  await assert.rejects(result);
});

test("progress tells rows that were sent and kept, and the task as it is told of", async () => {
  const told: unknown[] = [];
  const { service, result } = begin(rows(3), {
    onProgress: ({ rowsSent, rowsKept, task }) => told.push([rowsSent, rowsKept, task?.stage]),
  });
  const socket = await service.connection(1);
  socket.create();
  await turn();
  const progress = await service.connection(2);
  assert.deepEqual(progress.texts, [{ type: "subscribe", task_ids: ["t1"] }]);
  socket.say({ type: "ack", batch_sequence: 1, rows: 3, bytes: 9, credit_bytes: 2 ** 24 });
  progress.say({ type: "task", task: { task_id: "t1", status: "PROCESSING", stage: "WRITING" } });
  await turn();
  progress.say("<html>");
  socket.say(DONE);
  await result;
  assert.deepEqual(told, [
    [3, 3, undefined],
    [3, 3, "WRITING"],
  ]);
});
