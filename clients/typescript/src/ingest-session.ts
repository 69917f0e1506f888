import { batchMessage, FRAMING_BYTES } from "./batch-message.js";
import { converse, type Frame, notRowferry } from "./conversation.js";
import type { Endpoint, WebSocketLike } from "./endpoint.js";
import { errorOf, errorOfDocument } from "./errors.js";
import { Retrying } from "./retrying.js";
import { RowPacker } from "./row-packer.js";
import type { Column, RetryOptions, Row } from "./types.js";

/** What is kept because the service has not acknowledged it yet; bounds `bufferedAmount`, too. */
export const KEPT_BYTES = 8 * 2 ** 20;
const BATCH_BYTES = 256 * 1024;
/** Rows that come slowly wait no longer than this for others to share a batch with. */
const LINGER_MILLISECONDS = 500;

interface Batch {
  sequence: number;
  message: Uint8Array<ArrayBuffer>;
  lastRow: number;
}

/** One connection's share of a session. */
interface Line {
  socket: WebSocketLike;
  creditBytes: number;
  sentBytes: number;
  /** The index in `kept` of what is to be sent next. */
  next: number;
  open: boolean;
  finishSent: boolean;
}

export interface SessionOptions extends RetryOptions {
  /** As the contract has it. */
  metadata: { columns: readonly Column[]; hasTimezone: boolean; fields: unknown };
  /** Called when rows were sent, or kept. */
  onRows(): void;
}

/**
 * Rows on their way to one task, over as many connections as it takes.
 *
 * Batches are kept until they are acknowledged and sent again on the next connection.
 */
export class IngestSession {
  taskId = "";
  /** Rows that the task had before this session: so many are skipped. */
  skippedRows = 0;
  rowsSent = 0;
  rowsKept = 0;
  readonly #endpoint: Endpoint;
  readonly #options: SessionOptions;
  readonly #leaving = new AbortController();
  readonly #signal: AbortSignal;
  readonly #retrying: Retrying;
  readonly #kept: Batch[] = [];
  #keptBytes = 0;
  #sequence = 1;
  #rows = 0;
  #finished = false;
  #packer: RowPacker | undefined;
  #line: Line | undefined;
  #linger: ReturnType<typeof setTimeout> | undefined;
  #over: { error: unknown } | undefined;
  #changed = () => {};

  constructor(endpoint: Endpoint, options: SessionOptions) {
    this.#endpoint = endpoint;
    this.#options = options;
    const signal = options.signal
      ? AbortSignal.any([options.signal, this.#leaving.signal])
      : this.#leaving.signal;
    this.#retrying = new Retrying({ ...options, signal });
    this.#signal = signal;
  }

  /** Connect until there is a result, the frame of it; call once. */
  async run(): Promise<Frame> {
    for (;;) {
      try {
        const result = await converse(this.#endpoint, {
          url: new URL("v1/ingest", this.#endpoint.ingest).href,
          subprotocol: "rowferry.ingest.v1",
          opened: (socket) => this.#greet(socket),
          heard: (frame) => this.#hear(frame),
          signal: this.#signal,
        });
        this.#end(new TypeError("The export has ended: no more rows can be written."));
        return result;
      } catch (error) {
        this.#line = undefined;
        try {
          await this.#retrying.wait(error);
        } catch (final) {
          this.#end(final);
          throw final;
        }
      }
    }
  }

  /** Leave: the task stays open for whoever resumes it. */
  leave(reason: unknown): void {
    this.#leaving.abort(reason);
  }

  /** Wait until the service has made or found the task; throws what ended the session instead. */
  async created(): Promise<void> {
    await this.#until(() => this.#packer !== undefined);
  }

  /**
   * Take a row; a promise, if there is no room for further ones yet.
   *
   * Throws INVALID_ROW or TOO_LARGE for a row that can't be sent, and whatever ended the session.
   */
  write(row: Row): Promise<void> | undefined {
    if (this.#over) throw this.#over.error;
    const packer = this.#packer as RowPacker; // nobody writes before there is a task
    if (++this.#rows <= this.skippedRows) return undefined;
    const wasEmpty = packer.rows === 0;
    packer.add(row, this.#rows);
    if (packer.isFull) this.#flush();
    else if (wasEmpty) this.#linger = setTimeout(() => this.#flushOrLeave(), LINGER_MILLISECONDS);
    return this.#hasRoom() ? undefined : this.#until(() => this.#hasRoom());
  }

  /** End the rows; resolves when all of them survive a crash of the service. */
  async finish(): Promise<void> {
    if (this.#over) throw this.#over.error;
    this.#flush();
    this.#finished = true;
    this.#pump();
    await this.#until(() => this.#kept.length === 0);
  }

  #hasRoom(): boolean {
    return this.#keptBytes < KEPT_BYTES;
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
      if (this.#over) throw this.#over.error;
      const changed = this.#changed;
      await new Promise<void>((resolve) => {
        this.#changed = () => {
          changed();
          resolve();
        };
      });
    }
  }

  #wake(): void {
    const changed = this.#changed;
    this.#changed = () => {};
    changed();
  }

  #end(error: unknown): void {
    clearTimeout(this.#linger);
    this.#over = { error };
    this.#kept.length = this.#keptBytes = 0;
    this.#wake();
  }

  #flushOrLeave(): void {
    try {
      this.#flush();
    } catch (error) {
      this.leave(error); // nobody calls: the session is where it is told
    }
  }

  #flush(): void {
    clearTimeout(this.#linger);
    const packer = this.#packer as RowPacker; // without a task there is nothing to flush
    let lastRow = this.#rows - packer.rows;
    for (const { json, rows } of packer.take()) {
      lastRow += rows;
      const sequence = this.#sequence++;
      const message = batchMessage(json, sequence);
      this.#kept.push({ sequence, message, lastRow });
      this.#keptBytes += message.length;
    }
    this.#pump();
  }

  #greet(socket: WebSocketLike): void {
    this.#line = { socket, creditBytes: 0, sentBytes: 0, next: 0, open: false, finishSent: false };
    socket.send(JSON.stringify({ type: "metadata", metadata: this.#options.metadata.fields }));
  }

  #hear(frame: Frame): Frame | undefined {
    const line = this.#line as Line; // nothing is heard before the greeting
    if (frame.type === "result") return frame;
    if (frame.type === "error")
      throw errorOfDocument(frame.error) ?? notRowferry("An error has no code.");
    if ("credit_bytes" in frame) line.creditBytes = numberIn(frame, "credit_bytes");
    if (frame.type === "task_created") this.#taskIsThere(frame);
    if (frame.type === "ack") {
      this.#acknowledge(numberIn(frame, "batch_sequence"));
      this.rowsKept = numberIn(frame, "rows");
      this.#options.onRows();
    }
    this.#pump(); // frames of a newer service are none of ours
    return undefined;
  }

  #taskIsThere(frame: Frame): void {
    const next = numberIn(frame, "next_sequence");
    this.taskId = `${frame.task_id}`;
    this.rowsKept = numberIn(frame, "rows_received");
    if (this.#packer) this.#resume(next);
    else this.#begin(next, numberIn(frame, "max_message_bytes"));
    if (this.#kept.length === 0) this.#retrying.calm();
    (this.#line as Line).open = true;
    this.#wake();
  }

  #begin(next: number, maxMessageBytes: number): void {
    const { columns, hasTimezone } = this.#options.metadata;
    const maxBytes = maxMessageBytes - FRAMING_BYTES;
    const targetBytes = Math.min(BATCH_BYTES, maxBytes);
    this.#packer = new RowPacker(columns, { targetBytes, maxBytes, hasTimezone });
    this.#retrying.progressed();
    // 0: the task has all rows already, ours are those
    this.skippedRows = next ? this.rowsKept : Number.POSITIVE_INFINITY;
    this.#finished = next === 0;
    this.#sequence = next;
  }

  #resume(next: number): void {
    if (next === 0 && this.#finished) {
      this.#acknowledge(Number.POSITIVE_INFINITY);
      return;
    }
    this.#acknowledge(next - 1);
    const ours = this.#kept[0]?.sequence ?? this.#sequence;
    if (next !== ours) {
      const context = { task_id: this.taskId, expected: `${next}`, got: `${ours}` };
      throw errorOf("SEQUENCE_GAP", "Somebody else sent rows of the same request.", context);
    }
  }

  #acknowledge(sequence: number): void {
    for (let first = this.#kept[0]; first && first.sequence <= sequence; first = this.#kept[0]) {
      this.#kept.shift();
      this.#keptBytes -= first.message.length;
      if (this.#line) this.#line.next = Math.max(0, this.#line.next - 1);
      this.#retrying.progressed();
    }
    this.#wake();
  }

  /** Send what the credit allows, and the end of rows behind the last of them. */
  #pump(): void {
    const line = this.#line;
    if (!line?.open) return;
    for (let batch = this.#kept[line.next]; batch; batch = this.#kept[line.next]) {
      if (line.sentBytes + batch.message.length > line.creditBytes) return;
      line.socket.send(batch.message);
      line.sentBytes += batch.message.length;
      line.next += 1;
      this.rowsSent = Math.max(this.rowsSent, batch.lastRow);
    }
    if (this.#finished && !line.finishSent) {
      line.finishSent = true;
      // counted where rows were: who only asks for a result again has none
      const expected_rows = Number.isFinite(this.skippedRows) ? this.#rows : 0;
      line.socket.send(JSON.stringify({ type: "finish", expected_rows }));
    }
  }
}

function numberIn(frame: Frame, name: string): number {
  const value = frame[name];
  if (typeof value === "number") return value;
  throw notRowferry(`${frame.type} has no ${name}.`);
}
