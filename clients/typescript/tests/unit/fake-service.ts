/** A service in memory: what comes over its sockets is kept, answers are given by hand. */

import { PbfReader } from "pbf";
import type { Endpoint, WebSocketLike } from "../../src/endpoint.js";

export const OPEN = 1;
const CLOSED = 3;

export class FakeSocket implements WebSocketLike {
  readyState = 0;
  readonly bufferedAmount = 0;
  onopen: ((event: unknown) => void) | null = null;
  onmessage: ((event: unknown) => void) | null = null;
  onclose: ((event: unknown) => void) | null = null;
  onerror: ((event: unknown) => void) | null = null;
  readonly texts: Record<string, unknown>[] = [];
  readonly batches: DecodedBatch[] = [];
  sentBytes = 0;
  /** Called after each batch. */
  taken: (batch: DecodedBatch) => void = () => {};

  constructor(
    readonly url: string,
    readonly protocols: string[],
  ) {}

  send(data: string | Uint8Array): void {
    if (this.readyState !== OPEN) throw new Error("sent to a socket that is not open");
    if (typeof data === "string") {
      this.texts.push(JSON.parse(data));
      return;
    }
    this.sentBytes += data.length;
    const batch = decodedBatch(data);
    this.batches.push(batch);
    this.taken(batch);
  }

  close(): void {
    this.readyState = CLOSED;
  }

  open(): void {
    this.readyState = OPEN;
    this.onopen?.({});
  }

  /** Send a frame, or any text. */
  say(frame: object | string): void {
    this.onmessage?.({ data: typeof frame === "string" ? frame : JSON.stringify(frame) });
  }

  /** Send task_created. */
  create(fields: Record<string, unknown> = {}): void {
    this.say({
      type: "task_created",
      task_id: "t1",
      status: "PROCESSING",
      next_sequence: 1,
      rows_received: 0,
      max_message_bytes: 2 ** 24,
      credit_bytes: 2 ** 24,
      ...fields,
    });
  }

  /** End the connection as the network or the service does. */
  drop(code = 1006, reason = ""): void {
    this.readyState = CLOSED;
    this.onclose?.({ code, reason });
  }
}

export interface DecodedBatch {
  sequence: number;
  rows: unknown[][];
}

/** Decode a RecordBatch with a library that is none of ours. */
export function decodedBatch(message: Uint8Array): DecodedBatch {
  return new PbfReader(message).readFields(
    (tag, batch, pbf) => {
      if (tag === 2) batch.sequence = pbf.readVarint();
      else if (tag === 3) batch.rows = JSON.parse(new TextDecoder().decode(pbf.readBytes()));
      else throw new Error(`field ${tag}`);
    },
    { sequence: 0, rows: [] as unknown[][] },
  );
}

/** An endpoint whose connections the test serves, in the order in which they are made. */
export class FakeService {
  readonly sockets: FakeSocket[] = [];
  #arrived: (() => void)[] = [];
  answer: typeof globalThis.fetch = async () => new Response("{}");

  endpoint(token = ""): Endpoint {
    const accept = (socket: FakeSocket) => {
      this.sockets.push(socket);
      for (const resolve of this.#arrived.splice(0)) resolve();
    };
    return {
      ingest: "ws://rows.example:9092/v1/ingest",
      progress: "ws://tasks.example:9091/v1/progress",
      http: "http://tasks.example:9091/",
      token,
      WebSocket: class extends FakeSocket {
        constructor(url: string, protocols: string[]) {
          super(url, protocols);
          accept(this);
        }
      },
      fetch: (...request) => this.answer(...request),
    };
  }

  /** Wait for the `number`th connection, from 1, and open it. */
  async connection(number: number): Promise<FakeSocket> {
    const socket = await this.attempt(number);
    socket.open();
    return socket;
  }

  /** Wait for the `number`th connection and leave it unanswered. */
  async attempt(number: number): Promise<FakeSocket> {
    while (this.sockets.length < number) {
      await new Promise<void>((resolve) => this.#arrived.push(resolve));
    }
    return this.sockets[number - 1] as FakeSocket;
  }
}
