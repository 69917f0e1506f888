import assert from "node:assert/strict";
import { test } from "node:test";
import { ConflictError, UnauthenticatedError, UnreachableError } from "../../src/errors.js";
import { cancel, createExport, list, status } from "../../src/tasks.js";
import { FakeService } from "./fake-service.js";

interface Asked {
  method: string;
  path: string;
  body: unknown;
  authorization: string | null;
}

function answering(...answers: (Response | Error)[]): { service: FakeService; asked: Asked[] } {
  const service = new FakeService();
  const asked: Asked[] = [];
  service.answer = async (url, init) => {
    const { pathname, search } = new URL(`${url}`);
    const body = init?.body ? JSON.parse(`${init.body}`) : undefined;
    const authorization = new Headers(init?.headers).get("authorization");
    asked.push({ method: `${init?.method}`, path: pathname + search, body, authorization });
    const answer = answers.shift();
    if (!answer || answer instanceof Error) throw answer;
    return answer;
  };
  return { service, asked };
}

function json(document: unknown, init?: ResponseInit): Response {
  return new Response(JSON.stringify(document), init);
}

test("a task is asked for by its id, whatever is in it", async () => {
  const { service, asked } = answering(
    json({ task_id: "a", oss_url: "u", error_context: { row_x: "1" } }),
  );
  const task = await status(service.endpoint("tok"), "../a b?");
  assert.deepEqual(task, { taskId: "a", ossUrl: "u", errorContext: { row_x: "1" } });
  assert.deepEqual(asked, [
    {
      method: "GET",
      path: "/v1/exports/..%2Fa%20b%3F",
      body: undefined,
      authorization: "Bearer tok",
    },
  ]);
});

test("a list goes over all pages, and asks for no page that nobody wants", async () => {
  const pages = [
    json({ tasks: [{ task_id: "1" }, { task_id: "2" }], next_page_token: "p/2" }),
    json({ tasks: [{ task_id: "3" }], next_page_token: "" }),
  ];
  const { service, asked } = answering(...pages);
  const found: string[] = [];
  const createdAfter = new Date("2026-01-01T00:00:00Z");
  const query = { states: ["FAILED", "QUEUED"], pageSize: 2, createdAfter } as const;
  for await (const { taskId } of list(service.endpoint(), query)) {
    found.push(taskId);
    if (taskId === "2") assert.equal(asked.length, 1);
  }
  assert.deepEqual(found, ["1", "2", "3"]);
  const first =
    "/v1/exports?states=FAILED%2CQUEUED&page_size=2&created_after=2026-01-01T00%3A00%3A00.000Z";
  assert.deepEqual(
    asked.map(({ path }) => path),
    [first, `${first}&page_token=p%2F2`],
  );
});

test("a cancel carries its reason", async () => {
  const { service, asked } = answering(json({ task_id: "a" }));
  await cancel(service.endpoint(), "a", { reason: "why" });
  assert.deepEqual(asked, [
    { method: "POST", path: "/v1/exports/a/cancel", body: { reason: "why" }, authorization: null },
  ]);
});

test("a pulled export is its metadata, provider and parameters", async () => {
  const { service, asked } = answering(json({ task_id: "a" }, { status: 202 }));
  await createExport(service.endpoint(), {
    provider: "orders",
    parameters: { someKey: 1 },
    runAt: new Date("2026-12-01T03:00:00Z"),
    format: "xlsx",
    filename: "f",
    requestId: "r",
    retentionSeconds: 60,
  });
  assert.deepEqual(asked[0]?.body, {
    metadata: { format: "EXCEL", filename: "f", request_id: "r", retention_seconds: 60 },
    provider: "orders",
    parameters: { someKey: 1 },
    run_at: "2026-12-01T03:00:00.000Z",
  });
});

test("the service's errors are their classes", async () => {
  const error = { code: "INVALID_STATE", message: "No.", context: { state: "COMPLETED" } };
  const { service } = answering(json({ error }, { status: 409 }));
  await assert.rejects(status(service.endpoint(), "a"), (thrown) => {
    assert.ok(thrown instanceof ConflictError);
    assert.equal(thrown.context.state, "COMPLETED");
    return true;
  });
});

test("answers that no Rowferry gives are told as such", async () => {
  const html = "<!doctype html><title>Welcome to nginx!</title>";
  for (const answer of [
    new Response(html),
    new Response(html, { status: 502 }),
    new Response(null, { status: 404 }),
    new Response("{", { status: 200 }),
    json(null),
    json("text"),
    json([], { status: 500 }),
    json({ error: "not_found" }, { status: 404 }),
    json({ error: { message: "no code" } }, { status: 400 }),
  ]) {
    const { service } = answering(answer);
    await assert.rejects(
      status(service.endpoint(), "a"),
      (error) => error instanceof UnreachableError,
    );
  }
});

test("no connection is UNREACHABLE, with its cause", async () => {
  const cause = new TypeError("fetch failed");
  const { service } = answering(cause);
  await assert.rejects(status(service.endpoint(), "a"), (error) => {
    assert.ok(error instanceof UnreachableError);
    assert.equal(error.cause, cause);
    return true;
  });
});

test("a signal's reason is thrown as it is", async () => {
  const reason = new Error("enough");
  const { service } = answering(reason);
  const signal = AbortSignal.abort(reason);
  await assert.rejects(status(service.endpoint(), "a", { signal }), reason);
});

test("a token that HTTP can't carry is in no complaint", async () => {
  const { service, asked } = answering();
  await assert.rejects(status(service.endpoint("gehéim"), "a"), (error) => {
    assert.ok(error instanceof UnauthenticatedError);
    assert.ok(!JSON.stringify(error).includes("gehéim") && !`${error.stack}`.includes("gehéim"));
    return true;
  });
  assert.equal(asked.length, 0);
});
