import type { Failure } from "./messages.js";

const count = new Intl.NumberFormat("en");

export interface Explained {
  reason: string;
  /** Whether other settings, or another try, may help. */
  place: [term: string, text: string][];
}

const REASONS: Record<string, string> = {
  INVALID_METADATA: "The service can't use one of the settings.",
  INVALID_ROW: "A row does not fit its columns. Correct it in the file and try again.",
  CSV_SYNTAX:
    "The file breaks the rules of CSV here. Correct it, or tell above how the file is read.",
  TOO_LARGE: "There is more in this file, or in one of its rows, than the service takes.",
  ROW_LIMIT: "There are more rows than a sheet has.",
  QUEUE_FULL: "The service has too much to do just now. Try again in a few minutes.",
  RATE_LIMITED: "You have used up your share of the service. Try again in a few minutes.",
  DISK_FULL: "The service has no room left. Its operator must make some.",
  UNAUTHENTICATED: "You are not signed in any more. Reload the page.",
  FORBIDDEN: "You may not make this file. Ask the service's operator.",
  UNREACHABLE: "The service can't be reached. Look at your connection, then try again.",
  CANCELLED: "Somebody cancelled this export.",
  FILE_CHANGED: "The file was changed or moved while it was read. Choose it again.",
};

/** Says why it failed, for people who have never seen a code. */
export function explain(
  { code, message, context }: Failure,
  columns: readonly string[],
): Explained {
  const place: Explained["place"] = [];
  const add = (term: string, text: string | undefined) => text && place.push([term, text]);
  add("Row", context.row && count.format(Number(context.row)));
  const column = context.column;
  add("Column", column && (columns[Number(column)] ?? `${Number(column) + 1}`));
  add("Setting", context.field);
  add("Expected", context.expected);
  add("Found", context.got);
  return { reason: REASONS[code] ?? sentence(message), place };
}

const KINDS: Record<string, string> = {
  kept_as_text: "kept as text, because a spreadsheet would show another number or date",
  truncated: "cut off at 32,767 characters, the most that a cell can hold",
  escaped: "with control characters that were escaped",
  nulled: "left empty, because they are not of their column's type",
  unmappable: "with characters that the encoding lacks",
  neutralised: "made harmless, because they would run as a formula",
};

/** Says what happened to cells that are not in the file as they came. */
export function explainFidelity(
  issue: { kind: string; cells: number; row: number; column: number },
  columns: readonly string[],
): string {
  const cells = issue.cells === 1 ? "1 cell" : `${count.format(issue.cells)} cells`;
  const where = `row ${count.format(issue.row)}, column ${columns[issue.column] ?? issue.column + 1}`;
  return `${cells} ${KINDS[issue.kind] ?? issue.kind}: first in ${where}`;
}

function sentence(text: string): string {
  const trimmed = text.trim().replace(/\.$/, "");
  return `${trimmed.charAt(0).toUpperCase()}${trimmed.slice(1)}.`;
}
