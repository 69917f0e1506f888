/** Exports every case of clients/conformance.json that JavaScript can say. */

import { readFileSync } from "node:fs";
import type { Cell, Column, ExportSpec, FormatOptions, Row } from "../../src/index.js";
import { camelCased } from "../../src/wire-names.js";
import { leave, service, tell, tellFailure } from "./program.js";

interface Case {
  name: string;
  format: "EXCEL" | "CSV";
  columns: object[];
  options?: object;
  rows?: (unknown[] | Record<string, unknown>)[];
  generated?: { rows: number };
  skip?: { typescript?: string };
}

const TABLE = new URL("../../../../conformance.json", import.meta.url);

function cellOf(said: unknown): Cell {
  if (typeof said !== "object" || said === null || Array.isArray(said)) return said as Cell;
  const [[kind, text]] = Object.entries(said) as [[string, string]];
  if (kind === "$int") return BigInt(text);
  if (kind === "$float") return Number(text.replace("inf", "Infinity"));
  if (kind === "$datetime_offset") return new Date(text);
  if (kind === "$object") return text as never;
  throw new Error(`JavaScript has no ${kind}`);
}

function rowOf(said: unknown[] | Record<string, unknown>): Row {
  if (Array.isArray(said)) return said.map(cellOf);
  return Object.fromEntries(Object.entries(said).map(([key, cell]) => [key, cellOf(cell)]));
}

function* generated(count: number): Generator<Row> {
  for (let n = 1; n <= count; n++) {
    yield [n, `行 ${n}, "x"`, (n * 7919) % 100_003, n % 16 ? n % 2 === 0 : null];
  }
}

const rowferry = service();
const { cases } = JSON.parse(readFileSync(TABLE, "utf8")) as { cases: Case[] };
for (const { name, format, columns, options, rows, ...others } of cases) {
  if (others.skip?.typescript) continue;
  tell("case", { name });
  const spec: ExportSpec = {
    format,
    filename: "conformance",
    columns: camelCased(columns) as Column[],
    ...(options && { options: camelCased(options) as FormatOptions }),
  };
  try {
    const data = rows ? rows.map(rowOf) : generated(others.generated?.rows ?? 0);
    const result = await rowferry.exportRows(data, spec);
    tell("done", { url: rowferry.downloadUrl(result) });
  } catch (error) {
    tellFailure(error);
  }
}
leave();
