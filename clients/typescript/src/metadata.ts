import type { Column, ExportSpec, ExportWishes } from "./types.js";
import { snakeCased } from "./wire-names.js";

/** The contract's ExportMetadata. */
export function metadataOf(wishes: ExportWishes & Partial<ExportSpec>): unknown {
  const { waitSeconds, columns, ...others } = wishes;
  return snakeCased({
    ...others,
    format: wishes.format === "xlsx" ? "EXCEL" : wishes.format.toUpperCase(),
    ...(columns && { columns: columnsOf(columns) }),
    ...(waitSeconds !== undefined && { waitSeconds: Math.ceil(waitSeconds) || -1 }),
  });
}

/** Give columns that are names as columns. */
export function columnsOf(columns: ExportSpec["columns"]): Column[] {
  return columns.map((column) => (typeof column === "string" ? { name: column } : column));
}

/** A text of 128 random bits; not `crypto.randomUUID`, which pages without TLS lack. */
export function newRequestId(): string {
  return crypto.getRandomValues(new Uint32Array(4)).join("-");
}
