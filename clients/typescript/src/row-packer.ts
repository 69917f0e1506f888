import { errorOf, type RowferryError } from "./errors.js";
import type { Cell, Column, Row } from "./types.js";

const encoder = new TextEncoder();
const CLIPPED_CHARACTERS = 40; // as in the service's own contexts: never a whole cell

type Sendable = string | number | boolean | null;

export interface PackerOptions {
  /** About how many bytes of JSON a batch has. */
  targetBytes: number;
  /** How many it may have. */
  maxBytes: number;
  /** Whether the export has a time zone to show instants in: they need their `Z` then. */
  hasTimezone: boolean;
}

/** Rows of an export that were packed together. */
export interface PackedRows {
  json: Uint8Array;
  rows: number;
}

/**
 * Gathers rows and packs them as JSON texts, a batch in one `JSON.stringify`.
 *
 * Cells are looked at as they come, because that alone would change some of them in silence.
 */
export class RowPacker {
  readonly #keys: readonly string[];
  readonly #options: PackerOptions;
  #rows: Sendable[][] = [];
  #firstRow = 0;
  #units = 0;
  #bytesPerUnit = 1;

  constructor(columns: readonly Column[], options: PackerOptions) {
    this.#keys = columns.map((column) => column.key || column.name);
    this.#options = options;
  }

  /** Rows that were added and not taken yet. */
  get rows(): number {
    return this.#rows.length;
  }

  get isFull(): boolean {
    return this.#units * this.#bytesPerUnit >= this.#options.targetBytes;
  }

  /** Add a row, the export's `number`th; throws INVALID_ROW for one that can't be sent. */
  add(row: Row, number: number): void {
    const cells = this.#inOrder(row, number);
    const width = this.#keys.length;
    if (cells.length !== width) {
      throw invalidRow(number, "The row needs a cell a column.", {
        expected: `${width} values`,
        got: `${cells.length}`,
      });
    }
    if (!this.rows) this.#firstRow = number;
    this.#rows.push(this.#told(cells, number));
  }

  /** Pack what was added: in one piece, unless that is more than a message may have. */
  take(): PackedRows[] {
    const rows = this.#rows;
    const units = this.#units;
    this.#rows = [];
    this.#units = 0;
    const packed = rows.length ? this.#pack(rows, this.#firstRow) : [];
    this.#bytesPerUnit = packed.reduce((sum, { json }) => sum + json.length, 0) / units || 1;
    return packed;
  }

  #pack(rows: Sendable[][], firstRow: number): PackedRows[] {
    const json = encoder.encode(JSON.stringify(rows));
    if (json.length <= this.#options.maxBytes) return [{ json, rows: rows.length }];
    if (rows.length === 1) {
      const context = { row: `${firstRow}`, max_message_bytes: `${this.#options.maxBytes}` };
      throw errorOf("TOO_LARGE", "The row is too large.", context);
    }
    const half = rows.length >> 1;
    return [
      ...this.#pack(rows.slice(0, half), firstRow),
      ...this.#pack(rows.slice(half), firstRow + half),
    ];
  }

  /** Copy a row, which the caller may use again for the next one, and count its UTF-16 units. */
  #told(cells: readonly unknown[], row: number): Sendable[] {
    return cells.map((cell, column) => {
      const told = isSendable(cell) ? cell : this.#inWords(cell);
      if (!isSendable(told)) {
        throw invalidRow(row, "No file can hold this cell.", {
          column: `${column}`,
          expected: "text, a finite number, a boolean, a date or null",
          got: kindOf(cell),
        });
      }
      this.#units += typeof told === "string" ? told.length + 3 : 6;
      return told;
    });
  }

  /** Say a value that JSON has no word for. */
  #inWords(cell: unknown): unknown {
    if (cell === undefined) return null;
    // digits in a text are the same number to the service, and are never a double on the way
    if (typeof cell === "bigint") return `${cell}`;
    // null is what a Date that is none says
    const told = (cell as Partial<Json>).toJSON?.() ?? undefined;
    if (!(cell instanceof Date && told)) return told;
    const shown = `${told}`.replace(".000Z", "Z");
    return this.#options.hasTimezone ? shown : shown.slice(0, -1);
  }

  #inOrder(row: Row, number: number): readonly Cell[] {
    if (Array.isArray(row)) return row;
    // no row at all, whatever its type says; of a Map or a Set every cell would be null
    if (Object(row) !== row || Symbol.iterator in row) return [];
    for (const key in row) {
      if (!this.#keys.includes(key)) {
        const context = { key: key.slice(0, CLIPPED_CHARACTERS) };
        throw invalidRow(number, "No column has this key.", context);
      }
    }
    const cells = row as Readonly<Record<string, Cell>>;
    return this.#keys.map((key) => (Object.hasOwn(cells, key) ? cells[key] : null));
  }
}

interface Json {
  toJSON(): unknown;
}

/** Whether JSON says a cell as it is: NaN would become null, half a surrogate pair an escape. */
function isSendable(cell: unknown): cell is Sendable {
  return typeof cell === "string"
    ? cell.isWellFormed()
    : cell === null || typeof cell === "boolean" || Number.isFinite(cell);
}

function invalidRow(row: number, message: string, context: Record<string, string>): RowferryError {
  return errorOf("INVALID_ROW", message, { row: `${row}`, ...context });
}

/** Name what a cell is; never a whole cell. */
function kindOf(cell: unknown): string {
  return typeof cell === "number" ? `${cell}` : (cell?.constructor?.name ?? typeof cell);
}
