import { errorOf, type RowferryError } from "./errors.js";
import type { Cell, Column, Row } from "./types.js";

const encoder = new TextEncoder();
const LONE_SURROGATE = /\p{Surrogate}/u; // with the flag u, pairs are characters
const ESCAPED_SURROGATE = "\\ud"; // how JSON.stringify writes one (ECMA-262, QuoteJSONString)
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
 * That alone would turn NaN into null and lone surrogates into escapes, so cells are looked at as
 * they come, and rows are copied only if a cell has to be told otherwise.
 */
export class RowPacker {
  readonly #keys: readonly string[];
  readonly #options: PackerOptions;
  #rows: (readonly unknown[])[] = [];
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
    const cells = Array.isArray(row) ? row : this.#inOrder(row as Record<string, Cell>, number);
    const width = this.#keys.length;
    if (cells.length !== width) {
      throw invalidRow(number, "The row has another number of cells than the export has columns.", {
        expected: `${width} values`,
        got: `${cells.length}`,
      });
    }
    if (!this.rows) this.#firstRow = number;
    this.#rows.push(this.#checked(cells, number));
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

  #pack(rows: (readonly unknown[])[], firstRow: number): PackedRows[] {
    const text = JSON.stringify(rows);
    if (text.includes(ESCAPED_SURROGATE)) refuseLoneSurrogates(rows, firstRow);
    const json = encoder.encode(text);
    if (json.length <= this.#options.maxBytes) return [{ json, rows: rows.length }];
    if (rows.length === 1) {
      const context = { row: `${firstRow}`, max_message_bytes: `${this.#options.maxBytes}` };
      throw errorOf("TOO_LARGE", "A row is larger than a message may be.", context);
    }
    const half = rows.length >> 1;
    return [
      ...this.#pack(rows.slice(0, half), firstRow),
      ...this.#pack(rows.slice(half), firstRow + half),
    ];
  }

  /** Count a row's UTF-16 units, and give it as `JSON.stringify` may have it. */
  #checked(cells: readonly unknown[], number: number): readonly unknown[] {
    let copy: unknown[] | undefined;
    let units = 2;
    for (let column = 0; column < cells.length; column++) {
      const cell = cells[column];
      if (typeof cell === "string") units += cell.length + 3;
      else if (cell === null || typeof cell === "boolean" || Number.isFinite(cell)) units += 8;
      else {
        const told = this.#told(cell, number, column);
        copy ??= [...cells];
        copy[column] = told;
        units += String(told).length + 3;
      }
    }
    this.#units += units;
    // the caller's array may be used again for the next row
    return copy ?? cells.slice();
  }

  /** Tell a cell that JSON has no word for; an INVALID_ROW if there is no way to. */
  #told(cell: unknown, row: number, column: number): Sendable {
    if (cell === undefined) return null;
    // digits in a text are the same number to the service, and are never a double on the way
    if (typeof cell === "bigint") return cell.toString();
    const told = textForm(cell);
    if (told === undefined) {
      throw invalidRow(row, "A cell is no value that a file can hold.", {
        column: `${column}`,
        expected: "a text, a finite number, a bigint, a boolean, a Date or null",
        got: kindOf(cell),
      });
    }
    if (!(cell instanceof Date)) return told;
    const shown = `${told}`.replace(".000Z", "Z");
    return this.#options.hasTimezone ? shown : shown.slice(0, -1);
  }

  #inOrder(row: Record<string, Cell>, number: number): unknown[] {
    const cells = this.#keys.map((key) => (Object.hasOwn(row, key) ? row[key] : null));
    for (const key in row) {
      if (!this.#keys.includes(key)) {
        throw invalidRow(number, "The row has a key that no column has.", { key: clip(key) });
      }
    }
    return cells;
  }
}

/** What an object says of itself for JSON, if that is a value and no further object. */
function textForm(cell: unknown): Sendable | undefined {
  const { toJSON } = cell as { toJSON?: () => unknown };
  const told = typeof toJSON === "function" ? toJSON.call(cell) : undefined;
  const isValue = typeof told === "string" || typeof told === "boolean" || Number.isFinite(told);
  return isValue ? (told as Sendable) : undefined; // null of a Date that is none
}

function refuseLoneSurrogates(rows: readonly (readonly unknown[])[], firstRow: number): void {
  rows.forEach((cells, index) => {
    const column = cells.findIndex((cell) => typeof cell === "string" && LONE_SURROGATE.test(cell));
    if (column >= 0) {
      throw invalidRow(firstRow + index, "A text is no Unicode: it has half of a surrogate pair.", {
        column: `${column}`,
        expected: "well-formed UTF-16",
        got: "a lone surrogate",
      });
    }
  });
}

function invalidRow(row: number, message: string, context: Record<string, string>): RowferryError {
  return errorOf("INVALID_ROW", message, { row: `${row}`, ...context });
}

function kindOf(cell: unknown): string {
  if (typeof cell === "number" || cell instanceof Date) return String(cell);
  return typeof cell === "object" ? Object.prototype.toString.call(cell).slice(8, -1) : typeof cell;
}

function clip(text: string): string {
  return text.slice(0, CLIPPED_CHARACTERS);
}
