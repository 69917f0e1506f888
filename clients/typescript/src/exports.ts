import type { Frame } from "./conversation.js";
import type { Endpoint } from "./endpoint.js";
import { RowferryError } from "./errors.js";
import { IngestSession } from "./ingest-session.js";
import { columnsOf, metadataOf, newRequestId } from "./metadata.js";
import { outcomeError } from "./outcomes.js";
import { subscribe } from "./progress.js";
import { cancel } from "./tasks.js";
import type { ExportOptions, ExportResult, ExportSpec, Row, TaskStatus } from "./types.js";
import { camelCased } from "./wire-names.js";

/** Rows that a writable stream holds before it asks for patience. */
const QUEUED_ROWS = 1024;

/** An export that takes rows. */
export interface OpenExport {
  readonly taskId: string;
  readonly requestId: string;
  /**
   * Takes rows as the service does. The same request again skips the rows that the service has:
   * write all of them. Closing it ends the rows, aborting it leaves the task to be resumed.
   */
  readonly writable: WritableStream<Row>;
  /**
   * Take many rows at once, which costs half as much as a stream, behind those of earlier calls;
   * resolves when there is room for more. Close `writable` behind the last. Who writes rows into
   * `writable` too awaits one before the other: they overtake what waits.
   *
   * What `rows` throws, and a row that can't be sent, ends the connection as in `exportRows`.
   */
  write(rows: Iterable<Row> | AsyncIterable<Row>): Promise<void>;
  /** The file; rejects with ExportFailedError if there will be none. */
  readonly result: Promise<ExportResult>;
  /** End the task. */
  cancel(reason?: string): Promise<TaskStatus>;
}

/** Begin an export, or go on with it; resolves when the service is ready for rows. */
export async function openExport(
  endpoint: Endpoint,
  spec: ExportSpec,
  options: ExportOptions = {},
): Promise<OpenExport> {
  const { session, result, requestId } = await begin(endpoint, spec, options);
  let written = Promise.resolve();
  const writable = new WritableStream<Row>(
    {
      start: (controller) => void result.catch((error) => controller.error(error)),
      write: (row) => session.write(row),
      close: () => written.then(() => session.finish()),
      abort: (reason) => session.leave(reason),
    },
    { highWaterMark: QUEUED_ROWS },
  );
  return {
    taskId: session.taskId,
    requestId,
    writable,
    write: (rows) => (written = written.then(() => writeAll(session, rows))),
    result,
    cancel: (reason) => cancel(endpoint, session.taskId, { reason }),
  };
}

/**
 * Export rows; they are drawn as the service takes them.
 *
 * What `rows` throws, and a row that can't be sent, ends the connection and leaves the task open:
 * the same request id again skips what the service has.
 */
export async function exportRows(
  endpoint: Endpoint,
  rows: Iterable<Row> | AsyncIterable<Row>,
  spec: ExportSpec,
  options: ExportOptions = {},
): Promise<ExportResult> {
  const { session, result } = await begin(endpoint, spec, options);
  // not awaited: rows that never come must not hold back why the export ended
  writeAll(session, rows)
    .then(() => session.finish())
    .catch(() => {}); // the result tells of it
  return result;
}

async function writeAll(
  session: IngestSession<ExportResult>,
  rows: Iterable<Row> | AsyncIterable<Row>,
): Promise<void> {
  if (session.skippedRows === Number.POSITIVE_INFINITY) return;
  try {
    if (Symbol.asyncIterator in rows) {
      for await (const row of rows) await session.write(row);
    } else {
      for (const row of rows) {
        const room = session.write(row);
        if (room) await room; // not a turn of the event loop for each row
      }
    }
  } catch (error) {
    session.leave(error);
    throw error;
  }
}

interface Begun {
  session: IngestSession<ExportResult>;
  result: Promise<ExportResult>;
  requestId: string;
}

async function begin(endpoint: Endpoint, spec: ExportSpec, options: ExportOptions): Promise<Begun> {
  const { onProgress, ...retrying } = options;
  const requestId = spec.requestId ?? newRequestId();
  let task: TaskStatus | undefined;
  const report = () =>
    onProgress?.({ rowsSent: session.rowsSent, rowsKept: session.rowsKept, task });
  const columns = columnsOf(spec.columns);
  const session = new IngestSession(endpoint, {
    ...retrying,
    metadata: {
      columns,
      hasTimezone: !!spec.options?.timezone,
      fields: metadataOf({ ...spec, columns, requestId }),
    },
    onRows: report,
    concluded: (frame) => concluded(frame, requestId),
  });
  const result = session.run().catch((error: unknown) => {
    if (error instanceof RowferryError) {
      error.requestId = requestId;
      error.taskId ??= session.taskId || undefined;
    }
    throw error;
  });
  // whoever wants the result is told; who only writes is told by the stream
  result.catch(() => {});
  try {
    await session.created();
  } catch {
    await result; // its error knows more
  }
  if (onProgress) {
    follow(endpoint, session.taskId, session.signal, (news) => {
      task = news;
      report();
    });
  }
  return { session, result, requestId };
}

/** Tell of the task while it is worked on: an extra, so no failure of it is one of the export. */
async function follow(
  endpoint: Endpoint,
  taskId: string,
  signal: AbortSignal,
  tell: (task: TaskStatus) => void,
): Promise<void> {
  try {
    for await (const task of subscribe(endpoint, [taskId], { signal })) tell(task);
  } catch {
    // the export itself goes on, or says why not
  }
}

function concluded({ type, ...fields }: Frame, requestId: string): ExportResult {
  const result = { ...(camelCased(fields) as ExportResult), requestId };
  const error = outcomeError(result);
  if (error) throw error;
  return result;
}
