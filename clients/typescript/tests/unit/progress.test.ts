import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import { ExportFailedError, NotFoundError, UnreachableError } from "../../src/errors.js";
import { wait } from "../../src/outcomes.js";
import { subscribe } from "../../src/progress.js";
import { FakeService } from "./fake-service.js";

beforeEach(() => {
  mock.restoreAll();
  mock.method(Math, "random", () => 0); // no delay before another connection
});

function task(task_id: string, status: string, fields: object = {}) {
  return {
    task_id,
    status,
    next_attempt_time: null,
    error_context: { next_sequence: "4" },
    ...fields,
  };
}

async function nextOf(tasks: AsyncGenerator<{ taskId: string; status: string }>): Promise<string> {
  const { value } = await tasks.next();
  return value ? `${value.taskId} ${value.status}` : "over";
}

test("tasks are told as they are, after changes, and until all are final", async () => {
  const service = new FakeService();
  const tasks = subscribe(service.endpoint("tok"), ["a", "b"]);
  const first = tasks.next();
  const socket = await service.connection(1);
  assert.equal(socket.url, "ws://tasks.example:9091/v1/progress");
  assert.deepEqual(socket.protocols, ["rowferry.progress.v1"]);
  assert.deepEqual(socket.texts, [
    { type: "auth", token: "tok" },
    { type: "subscribe", task_ids: ["a", "b"] },
  ]);
  socket.say({ type: "subscribed", task_ids: ["a", "b"] });
  socket.say({ type: "snapshot", tasks: [task("a", "QUEUED"), task("b", "COMPLETED")] });
  assert.equal((await first).value?.status, "QUEUED");
  assert.deepEqual((await tasks.next()).value?.errorContext, { next_sequence: "4" });
  socket.say({ type: "heartbeat" });
  socket.say({
    type: "task",
    task: task("a", "FAILED", { next_attempt_time: "2026-01-01T00:00:00Z" }),
  });
  assert.equal(await nextOf(tasks), "a FAILED");
  socket.say({ type: "task", task: task("a", "FAILED") });
  assert.equal(await nextOf(tasks), "a FAILED");
  assert.equal(await nextOf(tasks), "over");
  assert.equal(socket.readyState, 3);
});

test("nothing to watch is over at once", async () => {
  assert.equal(await nextOf(subscribe(new FakeService().endpoint(), [])), "over");
});

test("who is slow gets the newest state of each task", async () => {
  const service = new FakeService();
  const tasks = subscribe(service.endpoint(), "all", { owner: "ada", states: ["PROCESSING"] });
  const first = tasks.next();
  const socket = await service.connection(1);
  assert.deepEqual(socket.texts, [
    { type: "subscribe", all: true, owner: "ada", states: ["PROCESSING"] },
  ]);
  socket.say({ type: "snapshot", tasks: [task("a", "QUEUED")] });
  await first;
  for (const status of ["PROCESSING", "UPLOADING", "COMPLETED"]) {
    socket.say({ type: "task", task: task("a", status) });
    socket.say({ type: "task", task: task("b", status) });
  }
  assert.equal(await nextOf(tasks), "a COMPLETED");
  assert.equal(await nextOf(tasks), "b COMPLETED");
  await tasks.return();
  assert.equal(socket.readyState, 3);
});

test("after a cut only what is open is asked for again", async () => {
  const service = new FakeService();
  const tasks = subscribe(service.endpoint(), ["a", "b"]);
  const first = tasks.next();
  const before = await service.connection(1);
  before.say({ type: "snapshot", tasks: [task("a", "COMPLETED"), task("b", "QUEUED")] });
  await first;
  before.drop(1012);
  const after = await service.connection(2);
  assert.deepEqual(after.texts, [{ type: "subscribe", task_ids: ["b"] }]);
  after.say({ type: "snapshot", tasks: [task("b", "CANCELLED")] });
  assert.equal(await nextOf(tasks), "b CANCELLED");
  assert.equal(await nextOf(tasks), "over");
});

test("of all tasks those that ended during a cut are told of, too", async () => {
  const service = new FakeService();
  const tasks = subscribe(service.endpoint(), "all");
  const first = tasks.next();
  const before = await service.connection(1);
  before.say({ type: "snapshot", tasks: [task("a", "PROCESSING"), task("gone", "QUEUED")] });
  await first;
  await tasks.next();
  before.drop();
  const after = await service.connection(2);
  assert.deepEqual(after.texts[1], { type: "subscribe", task_ids: ["a", "gone"] });
  after.say({ type: "snapshot", tasks: [] });
  after.say({
    type: "error",
    error: { code: "NOT_FOUND", message: "None.", context: { task_id: "gone" } },
  });
  after.say({ type: "snapshot", tasks: [task("a", "COMPLETED")] });
  assert.equal(await nextOf(tasks), "a COMPLETED");
  await tasks.return();
});

test("an id that there is not is an error", async () => {
  const service = new FakeService();
  const next = subscribe(service.endpoint(), ["x"]).next();
  const context = { task_id: "x" };
  (await service.connection(1)).say({
    type: "error",
    error: { code: "NOT_FOUND", message: "None.", context },
  });
  await assert.rejects(next, (error) => error instanceof NotFoundError && error.taskId === "x");
});

test("rubbish is told as such", async () => {
  for (const rubbish of ["<html>", "{}", '{"type":"error"}']) {
    const service = new FakeService();
    const next = subscribe(service.endpoint(), ["x"]).next();
    (await service.connection(1)).say(rubbish);
    await assert.rejects(next, (error) => error instanceof UnreachableError);
  }
});

test("a signal ends the watch with its reason", async () => {
  const service = new FakeService();
  const controller = new AbortController();
  const next = subscribe(service.endpoint(), "all", { signal: controller.signal }).next();
  const socket = await service.connection(1);
  const reason = new Error("enough");
  controller.abort(reason);
  await assert.rejects(next, reason);
  assert.equal(socket.readyState, 3);
});

test("waiting for a file gives its task, or throws why there is none", async () => {
  const service = new FakeService();
  const good = wait(service.endpoint(), "a");
  (await service.connection(1)).say({ type: "snapshot", tasks: [task("a", "COMPLETED")] });
  assert.equal((await good).taskId, "a");
  const bad = wait(service.endpoint(), "b");
  const failed = task("b", "CANCELLED", { error_code: "CANCELLED", error_message: "Over." });
  (await service.connection(2)).say({ type: "snapshot", tasks: [failed] });
  await assert.rejects(bad, (error) => error instanceof ExportFailedError && error.taskId === "b");
});
