/** Asks for tasks in every way that there is, and tells what came; --only=errors for the refusals. */

import type { ExportSpec } from "../../src/index.js";
import { argument, gate, leave, service, tell, tellFailure } from "./program.js";

const SPEC: ExportSpec = { columns: ["a"], format: "csv", filename: "small" };
const rowferry = service();

async function failureOf(name: string, call: () => Promise<unknown>): Promise<void> {
  tell("case", { name });
  try {
    await call();
    tell("done");
  } catch (error) {
    tellFailure(error);
  }
}

async function errors(): Promise<void> {
  const spec = { ...SPEC, requestId: crypto.randomUUID() };
  const { taskId } = await rowferry.exportRows([[1]], spec);
  await failureOf("IDEMPOTENCY_CONFLICT", () =>
    rowferry.exportRows([], { ...spec, filename: "another" }),
  );
  await failureOf("INVALID_METADATA", () => rowferry.exportRows([], { ...SPEC, filename: "a/b" }));
  await failureOf("NOT_FOUND", () => rowferry.status("none"));
  await failureOf("NOT_FOUND", () => rowferry.subscribe(["none"]).next());
  await failureOf("INVALID_STATE", () => rowferry.cancel(taskId));
  await failureOf("INVALID_STATE", () => rowferry.retry(taskId));
  await failureOf("TOO_LARGE", () => rowferry.exportRows([["x".repeat(2 ** 20)]], SPEC));
  await failureOf("INVALID_METADATA", () =>
    rowferry.createExport({ provider: "none", format: "csv", filename: "f" }),
  );
  await failureOf("INVALID_METADATA", () => rowferry.list({ pageSize: 7000 }).next());
  const fail = { ...SPEC, columns: [{ name: "a", dataType: "NUMBER" as const }] };
  await failureOf("INVALID_ROW", () =>
    rowferry.exportRows([["x"]], { ...fail, options: { onBadValue: "fail" } }),
  );
  const open = await rowferry.openExport(SPEC);
  await open.cancel("the test wants it");
  await failureOf("CANCELLED", () => open.result);
  await failureOf("CANCELLED", () => rowferry.wait(open.taskId));
  tell("cancelled", { reason: (await rowferry.status(open.taskId)).cancelReason });
}

async function watched(): Promise<void> {
  const controller = new AbortController();
  const all = rowferry.subscribe("all", { signal: controller.signal, owner: "ada" });
  const first = all.next();
  const open = await rowferry.openExport({ ...SPEC, owner: "ada", expectedRows: 3 });
  const writer = open.writable.getWriter();
  tell("task", { status: (await first).value?.status, owner: (await first).value?.owner });
  await gate({ task_id: open.taskId });
  for (const row of [[1], [2], [3]]) await writer.write(row);
  await writer.close();
  const result = await open.result;
  for await (const task of all) {
    if (task.status === "COMPLETED") break;
  }
  const waited = await rowferry.wait(open.taskId);
  tell("watched", { same: waited.checksumSha256 === result.checksumSha256 });
}

async function listed(): Promise<void> {
  const taskIds = new Set<string>();
  const owner = crypto.randomUUID(); // this program runs more than once with a service
  for (let number = 0; number < 5; number++) {
    taskIds.add((await rowferry.exportRows([[number]], { ...SPEC, owner })).taskId);
  }
  const found: string[] = [];
  for await (const { taskId } of rowferry.list({ owner, pageSize: 2 })) found.push(taskId);
  tell("listed", { all: found.length === 5 && found.every((id) => taskIds.has(id)) });
  const [taskId = ""] = found;
  tell("deleted", { status: (await rowferry.delete(taskId)).status });
}

if (argument("only") === "errors") {
  await errors();
} else {
  await watched();
  await listed();
}
leave();
