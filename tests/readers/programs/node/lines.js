// One JSON array a line for each cell, the same for every reader.
import { closeSync, openSync, writeSync } from "node:fs";
import { basename, extname, join } from "node:path";

const FLUSH_CHARS = 1 << 20;

/** Collects lines so that a million cells are few writes. */
class Lines {
  constructor(path) {
    this.file = openSync(path, "w");
    this.pending = "";
  }

  print(...values) {
    this.pending += JSON.stringify(values) + "\n";
    if (this.pending.length > FLUSH_CHARS) this.flush();
  }

  flush() {
    writeSync(this.file, this.pending);
    this.pending = "";
  }

  close() {
    this.flush();
    closeSync(this.file);
  }
}

/** Runs `print(lines, path)` for the files named on the command line after the folder. */
export async function printFiles(print) {
  const [folder, ...paths] = process.argv.slice(2);
  for (const path of paths) {
    const lines = new Lines(join(folder, basename(path, extname(path)) + ".jsonl"));
    try {
      await print(lines, path);
    } catch (error) {
      lines.print("error", String(error));
    }
    lines.close();
  }
}

/** Prints a cell of a value that says its type itself; dates are wall-clock times in UTC. */
export function printValue(lines, row, column, value) {
  if (value === null || value === undefined) return;
  if (value instanceof Date) {
    lines.print(row, column, "date", value.toISOString().slice(0, -1));
  } else if (typeof value === "string") {
    lines.print(row, column, "text", value);
  } else {
    lines.print(row, column, typeof value, value);
  }
}
