import { type Cell, CsvError, CsvParser } from "./csv.js";
import type { Reading } from "./messages.js";

export interface ReadSoFar {
  readBytes: number;
  readRows: number;
}

/**
 * Reads a file piece by piece, no faster than its rows are taken; gives the rows of each piece.
 *
 * Throws CsvError with the data row, and DOMException if the file is gone or was written to.
 */
export async function* rowsOf(
  file: Blob,
  reading: Reading,
  onRead: (read: ReadSoFar) => void,
): AsyncGenerator<Cell[][], void, undefined> {
  const parser = new CsvParser(reading.delimiter);
  const read = { readBytes: 0, readRows: 0 };
  let header = reading.hasHeader ? 1 : 0;
  try {
    for await (const text of textsOf(file, reading.encoding, read)) {
      const records = [...(text === undefined ? parser.end() : parser.push(text))];
      const rows = records.slice(header);
      header -= records.length - rows.length;
      read.readRows += rows.length;
      onRead(read);
      yield rows;
    }
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    throw new CsvError(error.row - (reading.hasHeader ? 1 : 0), error.column, error.message);
  }

  /** Gives the file's text in pieces, and undefined behind the last. */
  async function* textsOf(source: Blob, encoding: string, counted: ReadSoFar) {
    const decoder = new TextDecoder(encoding, { fatal: true });
    const reader = source.stream().getReader();
    try {
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
        counted.readBytes += piece.value.length;
        yield decoded(decoder, piece.value);
      }
      yield decoded(decoder);
      yield undefined;
    } finally {
      await reader.cancel();
    }
  }

  function decoded(decoder: TextDecoder, piece?: Uint8Array): string {
    try {
      return piece ? decoder.decode(piece, { stream: true }) : decoder.decode();
    } catch {
      const row = read.readRows + (reading.hasHeader ? 2 : 1);
      throw new CsvError(
        row,
        0,
        `text in ${decoder.encoding.toUpperCase()}, which is not what follows`,
      );
    }
  }
}
