/** A cell: null is an empty field without quotes, "" one of two quotes. */
export type Cell = string | null;

/** Characters that one record may have: a quote that is never closed would else gather the whole file. */
export const MAX_RECORD_CHARACTERS = 4 * 1024 * 1024;

const QUOTE = 0x22;
const LF = 0x0a;
const CR = 0x0d;

/** The text breaks RFC 4180; `row` counts from 1, header included, `column` from 0. */
export class CsvError extends Error {
  constructor(
    readonly row: number,
    readonly column: number,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Cuts text into records as it comes (RFC 4180). Lines end with CRLF, LF or CR; lines without a character
 * are passed over; a quote inside a field that does not begin with one stands for itself. Holds at most
 * the record that has not ended yet.
 */
export class CsvParser {
  #rest = "";
  #records = 0;
  #at = 0;
  readonly #delimiter: number;

  constructor(delimiter = ",") {
    this.#delimiter = delimiter.charCodeAt(0);
  }

  /** Gives the records that end within `text`. */
  push(text: string): Generator<Cell[], void> {
    return this.#parse(this.#rest + text, false);
  }

  /** Gives the record that no line break ends, if there is one. */
  end(): Generator<Cell[], void> {
    return this.#parse(this.#rest, true);
  }

  *#parse(text: string, isLast: boolean): Generator<Cell[], void> {
    this.#at = 0;
    let start = 0;
    for (;;) {
      const record = this.#record(text, isLast);
      if (!record) break;
      start = this.#at;
      if (record.length > 1 || record[0] !== null) {
        this.#records += 1;
        yield record;
      }
    }
    this.#rest = text.slice(start);
    if (this.#rest.length > MAX_RECORD_CHARACTERS) {
      throw new CsvError(this.#records + 1, 0, "this record does not end: a quote may be missing");
    }
  }

  /** Reads one record; undefined if its end has not come yet. */
  #record(text: string, isLast: boolean): Cell[] | undefined {
    if (this.#at === text.length) return undefined;
    const cells: Cell[] = [];
    for (;;) {
      const cell =
        text.charCodeAt(this.#at) === QUOTE
          ? this.#quoted(text, isLast, cells.length)
          : this.#plain(text);
      if (cell === undefined) return undefined;
      cells.push(cell);
      if (this.#at === text.length) return isLast ? cells : undefined;
      const end = text.charCodeAt(this.#at);
      this.#at += 1;
      if (end === this.#delimiter) {
        if (this.#at < text.length) continue;
        if (!isLast) return undefined;
        cells.push(null);
        return cells;
      }
      if (end === CR) {
        if (this.#at === text.length && !isLast) return undefined; // LF may follow
        if (text.charCodeAt(this.#at) === LF) this.#at += 1;
      }
      return cells;
    }
  }

  #plain(text: string): Cell {
    const start = this.#at;
    let end = start;
    for (; end < text.length; end += 1) {
      const character = text.charCodeAt(end);
      if (character === this.#delimiter || character === LF || character === CR) break;
    }
    this.#at = end;
    return end === start ? null : text.slice(start, end);
  }

  #quoted(text: string, isLast: boolean, column: number): string | undefined {
    let value = "";
    for (let from = this.#at + 1; ; ) {
      const quote = text.indexOf('"', from);
      if (quote < 0) {
        if (isLast)
          throw new CsvError(this.#records + 1, column, "a quote is opened and never closed");
        return undefined;
      }
      value += text.slice(from, quote);
      const next = text.charCodeAt(quote + 1);
      if (next === QUOTE) {
        value += '"';
        from = quote + 2;
        continue;
      }
      if (quote + 1 === text.length && !isLast) return undefined; // another quote may follow
      if (!(next === this.#delimiter || next === LF || next === CR || Number.isNaN(next))) {
        throw new CsvError(this.#records + 1, column, "text follows a closing quote");
      }
      this.#at = quote + 1;
      return value;
    }
  }
}
