import type {
  Failure,
  FirstLook,
  FromWorker,
  Order,
  OutputFormat,
  Reading,
  Session,
  ToWorker,
} from "./messages.js";
import { PaceMeter } from "./pace.js";
import * as view from "./view.js";
import { element } from "./view.js";

const worker = new Worker("convert_worker.js", { type: "module" });
const ENDING: Record<OutputFormat, string> = { EXCEL: ".xlsx", CSV: ".csv" };

let file: File | undefined;
let look: FirstLook | undefined;
let meter = new PaceMeter(0);
let startedAt = 0;

const tell = (message: ToWorker) => worker.postMessage(message);
const columnNames = () => look?.columns.map(({ name }) => name) ?? [];
const seconds = () => performance.now() / 1000;

function choose(chosen: File | undefined): void {
  if (!chosen) return;
  file = chosen;
  look = undefined;
  element<HTMLInputElement>("filename").value = chosen.name.replace(/\.[^.]*$/, "") || chosen.name;
  tell({ type: "look", file: chosen, wanted: {} });
}

/** Looks again when the reader knows better how the file is written. */
function lookAgain(): void {
  if (!file) return;
  const wanted: Partial<Reading> = {
    encoding: element<HTMLSelectElement>("encoding").value,
    delimiter: element<HTMLSelectElement>("delimiter").value,
    hasHeader: element<HTMLInputElement>("has-header").checked,
  };
  tell({ type: "look", file, wanted });
}

async function start(): Promise<void> {
  if (!file || !look) return;
  const filename = element<HTMLInputElement>("filename").value.trim();
  const isPath = /[/\\]/.test(filename);
  view.complain("settings-complaint", isPath ? "The name of a file has no slashes." : "");
  if (isPath) return element("filename").focus();
  try {
    convert(file, look, filename, await session());
  } catch (error) {
    fail({ code: "UNREACHABLE", message: String(error), context: {} });
  }
}

function convert(file: File, look: FirstLook, filename: string, session: Session): void {
  const types = view.chosenTypes();
  const order: Order = {
    file,
    reading: look.reading,
    columns: columnNames().map((name, index) => ({ name, type: types[index] ?? "STRING" })),
    format: chosenFormat(),
    filename,
    session,
  };
  meter = new PaceMeter(file.size);
  startedAt = seconds();
  element("running-title").textContent = `Making ${filename}${ENDING[order.format]}`;
  showStart();
  view.show("running");
  tell({ type: "convert", order });
}

function showStart(): void {
  const nothing = {
    readBytes: 0,
    readRows: 0,
    sentRows: 0,
    keptRows: 0,
    writtenRows: 0,
    totalRows: null,
    isReconnecting: false,
  };
  view.showStanding(nothing, { percent: 0, rowsPerSecond: null, secondsLeft: null });
}

function chosenFormat(): OutputFormat {
  const isCsv = document.querySelector("[name=format][value=CSV]:checked");
  return isCsv ? "CSV" : "EXCEL";
}

/** Asks the page's own server where the service is and for a token of a few minutes. */
async function session(): Promise<Session> {
  const answer = await fetch("session.json", { cache: "no-store" });
  return (await answer.json()) as Session;
}

function fail(failure: Failure): void {
  view.showFailure(failure, columnNames());
  view.show("failed");
}

function startOver(): void {
  element<HTMLInputElement>("file").value = "";
  file = look = undefined;
  view.complain("unreadable", "");
  view.show("choose");
}

worker.onmessage = ({ data }: MessageEvent<FromWorker>) => {
  switch (data.type) {
    case "looked": {
      const isFirst = !look;
      look = data.look;
      view.complain("unreadable", "");
      view.complain("settings-complaint", "");
      if (file) view.showFirstLook(file, look);
      if (isFirst) view.show("settings");
      break;
    }
    case "unreadable":
      view.complain(look ? "settings-complaint" : "unreadable", data.message);
      break;
    case "standing":
      view.showStanding(data.standing, meter.note(data.standing, seconds()));
      break;
    case "done":
      view.showDone(data.done, columnNames(), seconds() - startedAt);
      view.show("done");
      break;
    case "failed":
      fail(data.failure);
      break;
    case "cancelled":
      view.show("settings");
      view.announce("Cancelled. Nothing was made.");
  }
};

const drop = element("drop");
element<HTMLInputElement>("file").addEventListener("change", ({ target }) => {
  choose((target as HTMLInputElement).files?.[0]);
});
addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("over");
});
addEventListener("dragleave", () => drop.classList.remove("over"));
addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  if (element("running").hidden) choose(event.dataTransfer?.files[0]);
});
for (const id of ["encoding", "delimiter", "has-header"])
  element(id).addEventListener("change", lookAgain);
element("settings").addEventListener("submit", (event) => {
  event.preventDefault();
  void start();
});
element("cancel").addEventListener("click", () => tell({ type: "cancel" }));
element("back").addEventListener("click", () => view.show("settings"));
element("other-file").addEventListener("click", startOver);
for (const again of document.querySelectorAll(".again")) again.addEventListener("click", startOver);
