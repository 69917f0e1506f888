import { type Cell, CsvError, CsvParser } from "./csv.js";
import type { ColumnType, FirstLook, Reading } from "./messages.js";

/** Bytes of the file's beginning that are looked at before anything is sent. */
const LOOK_BYTES = 256 * 1024;
const SAMPLE_ROWS = 200;
/** Has a character for every byte: people see by the examples that it is another one. */
const FALLBACK_ENCODING = "windows-1252";
const DELIMITERS = [",", ";", "\t", "|"];
/** What a spreadsheet keeps as a number: no leading zeros, at most 15 digits. */
const NUMBER = /^-?(?:0|[1-9]\d{0,14})(?:\.\d+)?$/;
const DATE =
  /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d(?::?\d\d)?)?)?$/;
const BOOLEAN = /^(?:true|false)$/i;

/** The file can't be read as it was told to; the message is for people. */
export class UnreadableError extends Error {}

/** Reads the file's beginning and proposes how to go on; what `wanted` names is kept. */
export async function firstLook(file: Blob, wanted: Partial<Reading>): Promise<FirstLook> {
  const bytes = new Uint8Array(await file.slice(0, LOOK_BYTES).arrayBuffer());
  const encoding = wanted.encoding ?? encodingOf(bytes);
  const text = decode(bytes, encoding);
  const delimiter = wanted.delimiter ?? delimiterOf(text);
  const records = sample(text, delimiter, bytes.length === file.size);
  const first = records[0];
  if (!first) throw new UnreadableError("There is nothing in this file.");
  const hasHeader = wanted.hasHeader ?? true;
  const rows = hasHeader ? records.slice(1) : records;
  return {
    reading: { encoding, delimiter, hasHeader },
    isEncodingGuessed: wanted.encoding === undefined && encoding === FALLBACK_ENCODING,
    columns: first.map((cell, index) => {
      const cells = rows.map((row) => row[index] ?? null);
      return {
        name: hasHeader ? (cell ?? `Column ${index + 1}`) : `Column ${index + 1}`,
        type: typeOf(cells),
        examples: cells.filter((value) => value !== null && value !== "").slice(0, 3) as string[],
      };
    }),
  };
}

/** Gives the type that every cell of a sample has. */
export function typeOf(cells: readonly Cell[]): ColumnType {
  const values = cells.filter((cell): cell is string => cell !== null && cell !== "");
  if (!values.length) return "STRING";
  if (values.every((value) => NUMBER.test(value) && value.replace(/\D/g, "").length <= 15))
    return "NUMBER";
  if (values.every((value) => DATE.test(value))) return "DATE";
  return values.every((value) => BOOLEAN.test(value)) ? "BOOLEAN" : "STRING";
}

function encodingOf(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be";
  return isText(bytes, "utf-8") ? "utf-8" : FALLBACK_ENCODING;
}

function decode(bytes: Uint8Array, encoding: string): string {
  if (isText(bytes, encoding)) return new TextDecoder(encoding).decode(bytes, { stream: true });
  throw new UnreadableError(
    `This file is not ${encoding.toUpperCase()} text. Choose another encoding.`,
  );
}

function isText(bytes: Uint8Array, encoding: string): boolean {
  try {
    // `stream`: a character that is cut by the end of the slice is no fault
    new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/** Takes the delimiter that the first line has most of. */
function delimiterOf(text: string): string {
  const line = text.slice(0, text.search(/[\r\n]|$/));
  const cells = (delimiter: string) => line.split(delimiter).length;
  return DELIMITERS.reduce((best, other) => (cells(other) > cells(best) ? other : best));
}

/** Gives the first records, up to one that can't be read: it will be told where it stands. */
function sample(text: string, delimiter: string, isWhole: boolean): Cell[][] {
  const parser = new CsvParser(delimiter);
  const records: Cell[][] = [];
  try {
    for (const part of [() => parser.push(text), () => (isWhole ? parser.end() : [])]) {
      for (const record of part()) {
        if (records.push(record) > SAMPLE_ROWS) return records;
      }
    }
  } catch (error) {
    if (!(error instanceof CsvError && records.length)) throw error;
  }
  return records;
}
