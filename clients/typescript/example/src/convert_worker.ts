import { connect, type OpenExport, type Row, RowferryError } from "@rowferry/client";
import { CsvError } from "./csv.js";
import { firstLook, UnreadableError } from "./first_look.js";
import type { Failure, FromWorker, Order, Standing, ToWorker } from "./messages.js";
import { type ReadSoFar, rowsOf } from "./row_source.js";

/** How often the page is told, in milliseconds. */
const TELL_EVERY = 150;

let running: { abort: AbortController; exporting?: OpenExport } | undefined;

const say = (message: FromWorker) => postMessage(message);

self.onmessage = async ({ data }: MessageEvent<ToWorker>) => {
  if (data.type === "look") await look(data.file, data.wanted);
  else if (data.type === "convert") await convert(data.order);
  else running?.abort.abort();
};

async function look(...asked: Parameters<typeof firstLook>): Promise<void> {
  try {
    say({ type: "looked", look: await firstLook(...asked) });
  } catch (error) {
    const isOurs = error instanceof UnreadableError || error instanceof CsvError;
    // else it is what reading throws for a folder, or a file that is gone
    const message = isOurs ? error.message : `This can't be read: ${error}`;
    say({ type: "unreadable", message });
  }
}

async function convert(order: Order): Promise<void> {
  const abort = new AbortController();
  running = { abort };
  const standing = nothingYet();
  const telling = setInterval(() => say({ type: "standing", standing }), TELL_EVERY);
  try {
    const result = await sendRows(order, standing, abort.signal);
    say({ type: "done", done: result });
  } catch (error) {
    await running.exporting?.cancel().catch(() => {}); // it may have ended, or be out of reach
    say(
      abort.signal.aborted ? { type: "cancelled" } : { type: "failed", failure: failureOf(error) },
    );
  } finally {
    clearInterval(telling);
    running = undefined;
  }
}

async function sendRows(order: Order, standing: Standing, signal: AbortSignal) {
  const client = connect(order.session);
  const exporting = await client.openExport(
    {
      filename: order.filename,
      format: order.format,
      columns: order.columns.map(({ name, type }, index) => ({
        name,
        dataType: type,
        key: `${index}`,
      })),
    },
    {
      signal,
      onProgress({ rowsSent, rowsKept, task }) {
        if (rowsKept > standing.keptRows) standing.isReconnecting = false;
        standing.sentRows = rowsSent;
        standing.keptRows = rowsKept;
        standing.writtenRows = Math.max(standing.writtenRows, task?.recordsProcessed ?? 0);
      },
      onReconnect() {
        standing.isReconnecting = standing.keptRows !== standing.totalRows;
      },
    },
  );
  if (running) running.exporting = exporting;
  const rows = rowsOf(order.file, order.reading, (read: ReadSoFar) =>
    Object.assign(standing, read),
  );
  standing.totalRows = await writeAll(rows, exporting.writable);
  const result = await exporting.result;
  return {
    link: client.downloadUrl(result),
    filename: `${order.filename}${order.format === "EXCEL" ? ".xlsx" : ".csv"}`,
    rows: result.recordCount,
    sizeBytes: result.fileSizeBytes,
    fidelity: result.fidelity.map(({ kind, cells, firstRow, firstColumn }) => ({
      kind,
      cells,
      row: firstRow,
      column: firstColumn,
    })),
  };
}

/** Writes rows no faster than the service takes them; gives their number. */
async function writeAll(
  rows: AsyncIterable<Row[]>,
  writable: WritableStream<Row>,
): Promise<number> {
  const writer = writable.getWriter();
  let count = 0;
  try {
    for await (const some of rows) {
      for (const row of some) {
        if ((writer.desiredSize ?? 0) <= 0) await writer.ready;
        writer.write(row).catch(() => {}); // `ready`, `close` and the result tell of it
        count += 1;
      }
    }
    await writer.ready; // of a stream that broke, closing would say only that it did
    await writer.close();
  } catch (error) {
    await writer.abort(error).catch(() => {});
    throw error;
  }
  return count;
}

function nothingYet(): Standing {
  return {
    readBytes: 0,
    readRows: 0,
    sentRows: 0,
    keptRows: 0,
    writtenRows: 0,
    totalRows: null,
    isReconnecting: false,
  };
}

function failureOf(error: unknown): Failure {
  if (error instanceof RowferryError) {
    return { code: error.code, message: error.message, context: { ...error.context } };
  }
  if (error instanceof CsvError) {
    const context = { row: `${error.row}`, column: `${error.column}`, expected: error.message };
    return { code: "CSV_SYNTAX", message: error.message, context };
  }
  // what reading a file throws once it was moved or written to (File API, 6.3)
  const isFileGone = error instanceof DOMException && /^Not(Readable|Found)Error$/.test(error.name);
  return { code: isFileGone ? "FILE_CHANGED" : "PAGE_FAILED", message: String(error), context: {} };
}
