import * as rowferry from "@rowferry/client";
import {
  connect,
  type ExportOptions,
  type ExportResult,
  type Format,
  type Row,
  RowferryError,
} from "@rowferry/client";
import { COLUMNS, row } from "./dataset.js";

export interface Order {
  http: string;
  ingest: string;
  token?: string;
  rows: number;
  format: Format;
  connectForSeconds?: number;
  /** Whether rows are given as an iterable, not written one by one. */
  isIterable?: boolean;
  /** So many rows are written at once, not one by one. */
  rowsAtOnce?: number;
  /** So many rows are drawn before `allow` lets more of them; all by default. */
  allowedRows?: number;
}

export interface Standing {
  drawnRows: number;
  sentRows: number;
  keptRows: number;
  reconnects: number;
  /** Whether the writer has no room just now. */
  isWaiting: boolean;
  /** States and stages of the task, as progress told of them. */
  stages: string[];
}

export interface Ended {
  result?: ExportResult;
  /** `name`: as which its class is exported. */
  error?: { name: string; code: string; message: string; context: Record<string, string> } | undefined;
  seconds: number;
}

/** One export of the data set, which notes how it goes. */
export class Transfer {
  readonly standing: Standing = {
    drawnRows: 0,
    sentRows: 0,
    keptRows: 0,
    reconnects: 0,
    isWaiting: false,
    stages: [],
  };
  readonly ended: Promise<Ended>;
  #allowedRows: number;
  #changed = () => {};

  constructor(order: Order) {
    this.#allowedRows = order.allowedRows ?? order.rows;
    const begun = performance.now();
    const seconds = () => (performance.now() - begun) / 1000;
    this.ended = this.#run(order).then(
      (result) => ({ result, seconds: seconds() }),
      (error: unknown) => ({ error: documentOf(error), seconds: seconds() }),
    );
  }

  /** Resolves once so many rows survive a crash of the service. */
  keeps(rows: number): Promise<void> {
    return this.#until(() => this.standing.keptRows >= rows);
  }

  allow(rows: number): void {
    this.#allowedRows = rows;
    this.#wake();
  }

  async #until(isSo: () => boolean): Promise<void> {
    while (!isSo()) {
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

  async #run(order: Order): Promise<ExportResult> {
    const { http, ingest, token, format, rows } = order;
    const client = connect({ http, ingest, token });
    const spec = { format, filename: "browser 浏览器", columns: COLUMNS };
    if (order.isIterable) return client.exportRows(numbered(rows), spec, this.#options(order));
    const exporting = await client.openExport(spec, this.#options(order));
    if (order.rowsAtOnce) {
      const data = numbered(rows);
      for (let left = rows; left > 0; left -= order.rowsAtOnce) {
        await exporting.write(first(data, Math.min(left, order.rowsAtOnce)));
      }
      await exporting.writable.close();
    } else {
      await this.#write(rows, exporting.writable.getWriter());
    }
    return exporting.result;
  }

  #options({ connectForSeconds }: Order): ExportOptions {
    return {
      ...(connectForSeconds !== undefined && { connectForSeconds }),
      onProgress: ({ rowsSent, rowsKept, task }) => {
        Object.assign(this.standing, { sentRows: rowsSent, keptRows: rowsKept });
        const stage = task ? `${task.status} ${task.stage}` : "";
        if (stage && this.standing.stages.at(-1) !== stage) this.standing.stages.push(stage);
        this.#wake();
      },
      onReconnect: () => {
        this.standing.reconnects += 1;
      },
    };
  }

  async #write(rows: number, writer: WritableStreamDefaultWriter<Row>): Promise<void> {
    for (let number = 1; number <= rows; number += 1) {
      if (number > this.#allowedRows) await this.#until(() => number <= this.#allowedRows);
      if ((writer.desiredSize ?? 0) <= 0) {
        this.standing.isWaiting = true;
        await writer.ready;
        this.standing.isWaiting = false;
      }
      writer.write(row(number)).catch(() => {}); // `close` and the result tell of it
      this.standing.drawnRows = number;
    }
    await writer.close();
  }
}

/** How long the rows take that go nowhere, in seconds. */
export function rowsAlone(rows: number): number {
  const begun = performance.now();
  let cells = 0;
  for (const made of numbered(rows)) cells += made.length;
  if (cells !== rows * COLUMNS.length) throw new Error("rows are missing");
  return (performance.now() - begun) / 1000;
}

function* numbered(rows: number): Generator<ReturnType<typeof row>> {
  for (let number = 1; number <= rows; number += 1) yield row(number);
}

function first<T>(items: Iterator<T>, count: number): T[] {
  return Array.from({ length: count }, () => items.next().value);
}

function documentOf(error: unknown): Ended["error"] {
  if (!(error instanceof RowferryError)) throw error;
  const { code, message, context } = error;
  const [name = ""] = Object.entries(rowferry).find(([, value]) => value === error.constructor) ?? [];
  return { name, code, message, context: { ...context } };
}
