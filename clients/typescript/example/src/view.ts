import type { ColumnType, Done, Failure, FirstLook, FoundColumn, Standing } from "./messages.js";
import type { Pace } from "./pace.js";
import { explain, explainFidelity } from "./plain_words.js";
import { percentText, rowsText, secondsText, sizeText } from "./wording.js";

const TYPES: Record<ColumnType, string> = {
  STRING: "Text",
  NUMBER: "Number",
  DATE: "Date",
  BOOLEAN: "True or false",
};
const PARTS = ["choose", "settings", "running", "done", "failed"] as const;
export type Part = (typeof PARTS)[number];

/** Gives an element of the page, which has it for sure. */
export function element<E extends HTMLElement>(id: string): E {
  return document.getElementById(id) as E;
}

/** Shows one part of the page, moves the focus to its title and says it aloud. */
export function show(part: Part): void {
  for (const id of PARTS) element(id).hidden = id !== part;
  const title = element(`${part}-title`);
  announce(title.textContent ?? "");
  (part === "choose" ? element("file") : title).focus();
}

/** Has screen readers say a sentence. */
export function announce(text: string): void {
  const place = element("announcement");
  if (place.textContent !== text) place.textContent = text;
}

/** Shows a complaint, or takes it away. */
export function complain(id: string, message: string): void {
  const place = element(id);
  place.textContent = message;
  place.hidden = !message;
}

export function showFirstLook(file: File, look: FirstLook): void {
  element("settings-title").textContent = file.name;
  element("file-size").textContent = sizeText(file.size);
  element<HTMLSelectElement>("encoding").value = look.reading.encoding;
  element<HTMLSelectElement>("delimiter").value = look.reading.delimiter;
  element<HTMLInputElement>("has-header").checked = look.reading.hasHeader;
  element("guessed").hidden = !look.isEncodingGuessed;
  element<HTMLDetailsElement>("reading").open ||= look.isEncodingGuessed;
  element("columns").replaceChildren(...look.columns.map(columnRow));
}

function columnRow(column: FoundColumn): HTMLTableRowElement {
  const row = document.createElement("tr");
  const name = document.createElement("th");
  name.scope = "row";
  name.textContent = column.name;
  const types = document.createElement("select");
  types.setAttribute("aria-label", `Type of ${column.name}`);
  for (const [type, label] of Object.entries(TYPES)) types.add(new Option(label, type));
  types.value = column.type;
  row.append(name, cell(types), cell(column.examples.join(" · ") || "–"));
  return row;
}

function cell(content: Node | string): HTMLTableCellElement {
  const made = document.createElement("td");
  made.append(content);
  return made;
}

/** Gives the types that are chosen, in the columns' order. */
export function chosenTypes(): ColumnType[] {
  return [...element("columns").querySelectorAll("select")].map(
    (select) => select.value as ColumnType,
  );
}

export function showStanding(standing: Standing, pace: Pace): void {
  element<HTMLProgressElement>("bar").value = pace.percent;
  const values: Record<string, string> = {
    percent: percentText(pace.percent),
    sent: rowsText(standing.sentRows),
    kept: rowsText(standing.keptRows),
    written: rowsText(standing.writtenRows),
    rate: pace.rowsPerSecond === null ? "–" : rowsText(pace.rowsPerSecond),
    left:
      pace.secondsLeft === null || standing.isReconnecting ? "–" : secondsText(pace.secondsLeft),
    phase: phaseOf(standing),
  };
  for (const [id, text] of Object.entries(values)) element(id).textContent = text;
  element("phase").classList.toggle("cut", standing.isReconnecting);
  announce(
    standing.isReconnecting
      ? phaseOf(standing)
      : `${Math.floor(pace.percent / 25) * 25} percent done`,
  );
}

function phaseOf(standing: Standing): string {
  if (standing.isReconnecting)
    return "Connection lost, reconnecting. Nothing is lost: what is kept is not sent again.";
  if (standing.totalRows === null) return "Reading and sending rows";
  return standing.writtenRows < standing.totalRows
    ? "All rows are sent, the rest is being written"
    : "Finishing the file";
}

export function showDone(done: Done, columns: readonly string[], seconds: number): void {
  element("done-title").textContent = `${done.filename} is ready`;
  const rows = done.rows === 1 ? "1 row" : `${rowsText(done.rows)} rows`;
  element("summary").textContent =
    `${rows}, ${sizeText(done.sizeBytes)}, made in ${secondsText(seconds)}`;
  const link = element<HTMLAnchorElement>("download");
  link.href = done.link;
  link.textContent = `Download ${done.filename}`;
  element("notes").hidden = !done.fidelity.length;
  element("fidelity").replaceChildren(
    ...done.fidelity.map((issue) => listItem(explainFidelity(issue, columns))),
  );
}

function listItem(text: string): HTMLLIElement {
  const item = document.createElement("li");
  item.textContent = text;
  return item;
}

export function showFailure(failure: Failure, columns: readonly string[]): void {
  const { reason, place } = explain(failure, columns);
  element("reason").textContent = reason;
  element("code").textContent = failure.code;
  element("place").hidden = !place.length;
  element("place").replaceChildren(...place.map(([term, text]) => described(term, text)));
}

function described(term: string, text: string): HTMLDivElement {
  const group = document.createElement("div");
  const name = document.createElement("dt");
  const value = document.createElement("dd");
  name.textContent = term;
  value.textContent = text;
  group.append(name, value);
  return group;
}
