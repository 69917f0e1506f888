/** The minified file does what the source does: a minifier was let loose on it. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type * as Library from "../../src/index.js";
import { FakeService } from "./fake-service.js";

const MINIFIED = new URL("../../../dist/rowferry.min.js", import.meta.url);
const { connect, InvalidRowError } = (await import(MINIFIED.href)) as typeof Library;
const SPEC = {
  columns: ["a", { name: "B", key: "b" }],
  format: "csv",
  filename: "f",
  options: { timezone: "UTC" },
} as const;

function begin() {
  const service = new FakeService();
  const { WebSocket, fetch } = service.endpoint();
  const addresses = { ingest: "ws://rows.example", http: "http://tasks.example" };
  return { service, rowferry: connect({ ...addresses, WebSocket, fetch, token: "t" }) };
}

test("the minified file exports rows of every kind of cell, over a cut and with progress", async () => {
  const { service, rowferry } = begin();
  const told: (number | string | undefined)[] = [];
  const data = [["x", 1.5], { b: new Date(0) }, [12345678901234567890n, { toJSON: () => true }]];
  const done = rowferry.exportRows(data, SPEC, {
    onProgress: ({ rowsKept, task }) => told.push(rowsKept, task?.stage),
  });
  const first = await service.connection(1);
  assert.deepEqual(first.texts[0], { type: "auth", token: "t" });
  first.drop();
  const second = await service.connection(2);
  second.create();
  const progress = await service.connection(3);
  progress.say({ type: "task", task: { task_id: "t1", status: "PROCESSING", stage: "WRITING" } });
  await new Promise(setImmediate);
  assert.deepEqual(second.batches, [
    {
      sequence: 1,
      rows: [
        ["x", 1.5],
        [null, "1970-01-01T00:00:00Z"],
        ["12345678901234567890", true],
      ],
    },
  ]);
  second.say({ type: "ack", batch_sequence: 1, rows: 3, bytes: 1, credit_bytes: 2 ** 24 });
  second.say({ type: "result", task_id: "t1", status: "COMPLETED", oss_url: "/d/1" });
  assert.equal(rowferry.downloadUrl(await done), "http://tasks.example/d/1");
  assert.deepEqual(told.slice(-2), [3, "WRITING"]);
});

test("the minified file's errors are of its classes, and it speaks HTTP", async () => {
  const { service, rowferry } = begin();
  const done = rowferry.exportRows([["x", Number.NaN]], SPEC);
  done.catch(() => {});
  (await service.connection(1)).create();
  await assert.rejects(done, (error) => {
    assert.ok(error instanceof InvalidRowError);
    assert.deepEqual(
      [error.name, error.code, error.context.got],
      ["InvalidRowError", "INVALID_ROW", "NaN"],
    );
    return true;
  });
  service.answer = async () =>
    new Response(JSON.stringify({ task_id: "t1", error_context: { a_b: "c" } }));
  const { taskId, errorContext } = await rowferry.status("t1");
  assert.deepEqual([taskId, errorContext], ["t1", { a_b: "c" }]);
});
