/**
 * Exports rows of the data set. Tells: created, gate, reconnecting, progress's last, done or failed.
 *
 * --rows=N  --format=csv|xlsx  --request-id=TEXT  --connect-for=SECONDS  --progress=yes
 * --gate-every=N  wait at a gate after each so many rows, but the last, once some more are kept
 * --last-gate=N   the row of the last gate
 * --abort-at=N    abort by a signal when row N is drawn
 * --stall=yes     tell how many rows were drawn when no more are for a while
 */

import type { ExportOptions, ExportProgress, Row } from "../../src/index.js";
import { COLUMNS, rowOf } from "./dataset.js";
import { argument, gate, leave, service, tell, tellFailure } from "./program.js";

const ROWS = Number(argument("rows"));
const GATE_EVERY = Number(argument("gate-every", `${ROWS}`));
const LAST_GATE = Number(argument("last-gate", `${ROWS - 1}`));
const ABORT_AT = Number(argument("abort-at"));
const STALL_TICKS = 10;
const TICK_MILLISECONDS = 50;

const aborting = new AbortController();
let drawn = 0;
let rowsKept = 0;
let moreAreKept = () => {};

async function* rowsWithGates(): AsyncGenerator<Row> {
  for (const row of plainRows()) {
    yield row;
    if (drawn % GATE_EVERY === 0 && drawn <= LAST_GATE) await gateBehind(rowsKept);
  }
}

/** Wait at a gate with a connection that stands: the service has taken rows by it. */
async function gateBehind(keptBefore: number): Promise<void> {
  while (rowsKept === keptBefore && rowsKept < drawn) {
    await new Promise<void>((resolve) => {
      moreAreKept = resolve;
    });
  }
  await gate({ rows: drawn });
}

function* plainRows(): Generator<Row> {
  while (drawn < ROWS) {
    drawn += 1;
    if (drawn === ABORT_AT) aborting.abort();
    yield rowOf(drawn);
  }
}

function tellStall(): void {
  let before = 0;
  let ticks = 0;
  const timer = setInterval(() => {
    ticks = drawn > 0 && drawn === before ? ticks + 1 : 0;
    before = drawn;
    if (ticks < STALL_TICKS) return;
    clearInterval(timer);
    tell("stalled", { rows: drawn });
  }, TICK_MILLISECONDS);
}

async function main(): Promise<void> {
  let last: ExportProgress | undefined;
  const options: ExportOptions = {
    signal: aborting.signal,
    connectForSeconds: Number(argument("connect-for", "60")),
    onReconnect: (error) => tell("reconnecting", { code: (error as { code?: string }).code }),
  };
  if (argument("progress") || GATE_EVERY < ROWS) {
    options.onProgress = (progress) => {
      last = progress;
      rowsKept = progress.rowsKept;
      moreAreKept();
    };
  }
  const requestId = argument("request-id");
  const spec = {
    columns: COLUMNS,
    format: argument("format", "csv") as "csv" | "xlsx",
    filename: "dataset 订单",
    ...(requestId && { requestId }),
  };
  if (argument("stall")) tellStall();
  const began = performance.now();
  const rows = GATE_EVERY < ROWS ? rowsWithGates() : plainRows();
  try {
    const result = await service().exportRows(rows, spec, options);
    tell("done", {
      state: result.status,
      rows: result.recordCount,
      sha256: result.checksumSha256,
      url: result.ossUrl,
      task_id: result.taskId,
      rows_kept: last?.rowsKept,
      last_state: last?.task?.status,
      drawn,
      rows_per_second: Math.round((ROWS / (performance.now() - began)) * 1000),
    });
  } catch (error) {
    tellFailure(error);
  }
  leave();
}

await main();
