/** What programs have in common: they tell events as lines of JSON, and wait for lines of input. */

import { createInterface } from "node:readline";
import WebSocket from "ws";
import { connect, type Rowferry, RowferryError } from "../../src/index.js";

/** Tell an event to the test that runs this program. */
export function tell(event: string, fields: object = {}): void {
  console.log(JSON.stringify({ event, ...fields }));
}

export function tellFailure(error: unknown): void {
  if (error instanceof RowferryError) {
    const { code, message, context, taskId, requestId } = error;
    const kind = error.constructor.name;
    tell("failed", { class: kind, code, message, context, task_id: taskId, request_id: requestId });
  } else {
    const { name, message } = error as Error;
    tell("failed", { class: name, message });
  }
}

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Wait until the test opens the gate. */
export async function gate(fields: object = {}): Promise<void> {
  tell("gate", fields);
  await lines.next();
}

/** Let the program end: nobody opens a gate any more. */
export function leave(): void {
  process.stdin.destroy();
}

/** Give `name` of `--name=value`. */
export function argument(name: string, otherwise = ""): string {
  const found = process.argv.find((text) => text.startsWith(`--${name}=`));
  return found?.slice(name.length + 3) ?? otherwise;
}

/** Connect as the environment says; with the platform's own WebSocket where it is to be used. */
export function service(token = process.env.ROWFERRY_TOKEN): Rowferry {
  const { ROWFERRY_INGEST, ROWFERRY_HTTP } = process.env;
  return connect({
    ingest: `${ROWFERRY_INGEST}`,
    http: `${ROWFERRY_HTTP}`,
    token,
    WebSocket: argument("websocket") === "native" ? undefined : WebSocket,
  });
}
