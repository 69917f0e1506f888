import { batchMessage, FRAMING_BYTES } from "./batch-message.js";
import type { Frame } from "./conversation.js";
import type { Endpoint, WebSocketLike } from "./endpoint.js";
import { errorOf, errorOfDocument, notRowferry } from "./errors.js";
import { type Retries, retrying } from "./retrying.js";
import { RowPacker } from "./row-packer.js";
import type { Column, RetryOptions, Row } from "./types.js";

/** What is kept because the service has not acknowledged it yet; bounds `bufferedAmount`, too. */
export const KEPT_BYTES = 8 * 2 ** 20;
const BATCH_BYTES = 256 * 1024;
/** Rows that come slowly wait no longer than this for others to share a batch with. */
const LINGER_MILLISECONDS = 500;
const OPEN = 1; // WebSocket.OPEN, of whichever class it is

interface Batch {
  sequence: number;
  message: Uint8Array<ArrayBuffer>;
  lastRow: number;
}

export interface SessionOptions<T> extends RetryOptions {
  /** As the contract has it. */
  metadata: { columns: readonly Column[]; hasTimezone: boolean; fields: unknown };
  /** Called when rows are kept. */
  onRows(): void;
  /** Read a result; what it throws is what the session ends with. */
  concluded(frame: Frame): T;
}

/**
 * Rows on their way to one task, over as many connections as it takes.
 *
 * Batches are kept until they are acknowledged and sent again on the next connection.
 */
export class IngestSession<T> {
  taskId = "";
  /** Rows that the task had before this session: so many are skipped. */
  skippedRows = 0;
  rowsSent = 0;
  rowsKept = 0;
  readonly #endpoint: Endpoint;
  readonly #options: SessionOptions<T>;
  readonly #leaving = new AbortController();
  /** Aborted when the session is over, by what ended it. */
  readonly signal: AbortSignal;
  readonly #retrying: Retries;
  readonly #kept: Batch[] = [];
  #keptBytes = 0;
  #sequence = 1;
  #rows = 0;
  #finished = false;
  #packer: RowPacker | undefined;
  /** The connection; the fields below it are its own. */
  #socket: WebSocketLike | undefined;
  #creditBytes = 0;
  #sentBytes = 0;
  /** The index of what is to be sent next in what is kept. */
  #next = 0;
  #finishSent = false;
  #linger: ReturnType<typeof setTimeout> | undefined;
  readonly #waiting: (() => void)[] = [];

  constructor(endpoint: Endpoint, options: SessionOptions<T>) {
    this.#endpoint = endpoint;
    this.#options = options;
    const { signal } = this.#leaving;
    this.signal = AbortSignal.any([options.signal ?? signal, signal]);
    this.#retrying = retrying(options);
  }

  /** Connect until there is a result; call once. */
  async run(): Promise<T> {
    try {
      return await this.#retrying.converse(this.#endpoint, {
        url: this.#endpoint.ingest,
        subprotocol: "rowferry.ingest.v1",
        opened: (socket) => this.#greet(socket),
        heard: (frame) => this.#hear(frame),
        signal: this.signal,
      });
    } catch (error) {
      this.leave(error);
      throw error;
    } finally {
      this.leave(new TypeError("The export has ended."));
    }
  }

  /** Leave, if it is not over: the task stays open for whoever resumes it. */
  leave(reason: unknown): void {
    clearTimeout(this.#linger);
    this.#leaving.abort(reason);
    this.#wake();
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
    this.signal.throwIfAborted();
    const packer = this.#packer as RowPacker; // nobody writes before there is a task
    if (++this.#rows <= this.skippedRows) return undefined;
    if (this.#finished) throw new TypeError("The rows have ended.");
    try {
      packer.add(row, this.#rows);
    } catch (error) {
      this.leave(error);
      throw error;
    }
    if (packer.isFull) this.#flush();
    else this.#linger ??= setTimeout(() => this.#flush(), LINGER_MILLISECONDS);
    return this.#hasRoom() ? undefined : this.#until(() => this.#hasRoom());
  }

  /** End the rows; resolves when all of them survive a crash of the service. */
  async finish(): Promise<void> {
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
      this.signal.throwIfAborted();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #flush(): void {
    clearTimeout(this.#linger);
    this.#linger = undefined;
    const packer = this.#packer as RowPacker; // without a task there is nothing to flush
    let lastRow = this.#rows - packer.rows;
    try {
      for (const { json, rows } of packer.take()) {
        lastRow += rows;
        const message = batchMessage(json, this.#sequence);
        this.#kept.push({ sequence: this.#sequence++, message, lastRow });
        this.#keptBytes += message.length;
      }
    } catch (error) {
      this.leave(error); // whoever writes, or waits for the result, is told
    }
    this.#pump();
  }

  #greet(socket: WebSocketLike): void {
    this.#socket = socket;
    this.#creditBytes = this.#sentBytes = this.#next = 0;
    this.#finishSent = false;
    socket.send(JSON.stringify({ type: "metadata", metadata: this.#options.metadata.fields }));
  }

  #hear(frame: Frame): T | undefined {
    if (frame.type === "result") return this.#options.concluded(frame);
    if (frame.type === "error") throw errorOfDocument(frame.error);
    if ("credit_bytes" in frame) this.#creditBytes = numberIn(frame, "credit_bytes");
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
      this.#acknowledge(this.#sequence);
      return;
    }
    this.#acknowledge(next - 1);
    const ours = this.#kept[0]?.sequence ?? this.#sequence;
    if (next !== ours) {
      const context = { expected: `${next}`, got: `${ours}` };
      throw errorOf("SEQUENCE_GAP", "Others sent rows of this request.", context);
    }
  }

  #acknowledge(sequence: number): void {
    for (let first = this.#kept[0]; first && first.sequence <= sequence; first = this.#kept[0]) {
      this.#kept.shift();
      this.#keptBytes -= first.message.length;
      if (this.#next) this.#next--;
      this.#retrying.progressed();
    }
    this.#wake();
  }

  /** Send what the credit allows, and the end of rows behind the last of them. */
  #pump(): void {
    const socket = this.#socket;
    // without a task there is no credit either; a closed socket takes no message
    if (!this.#creditBytes || socket?.readyState !== OPEN) return;
    for (let batch = this.#kept[this.#next]; batch; batch = this.#kept[this.#next]) {
      if (this.#sentBytes + batch.message.length > this.#creditBytes) return;
      socket.send(batch.message);
      this.#sentBytes += batch.message.length;
      this.#next += 1;
      this.rowsSent = Math.max(this.rowsSent, batch.lastRow);
    }
    if (this.#finished && !this.#finishSent) {
      this.#finishSent = true;
      // counted where rows were: who only asks for a result again has none
      const expected_rows = Number.isFinite(this.skippedRows) ? this.#rows : 0;
      socket.send(JSON.stringify({ type: "finish", expected_rows }));
    }
  }
}

function numberIn(frame: Frame, name: string): number {
  const value = frame[name];
  if (typeof value === "number") return value;
  throw notRowferry(`${frame.type} without ${name} came`);
}
