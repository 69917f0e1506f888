import type { Standing } from "./messages.js";

/** Seconds over which the speed is taken. */
const WINDOW_SECONDS = 4;

export interface Pace {
  /** 0 to 100; never falls, and is 100 for nothing but a finished file. */
  percent: number;
  rowsPerSecond: number | null;
  secondsLeft: number | null;
}

/** Makes of what is counted what people want to know. Time is given, in seconds. */
export class PaceMeter {
  #points: { at: number; rows: number }[] = [];
  #percent = 0;

  constructor(readonly fileBytes: number) {}

  note(standing: Standing, at: number): Pace {
    this.#points.push({ at, rows: standing.writtenRows });
    this.#points = this.#points.filter((point) => at - point.at <= WINDOW_SECONDS);
    const total = this.#expectedRows(standing);
    if (total)
      this.#percent = Math.max(this.#percent, Math.min(99, (standing.writtenRows / total) * 100));
    const rowsPerSecond = this.#rowsPerSecond();
    const left = total && rowsPerSecond ? (total - standing.writtenRows) / rowsPerSecond : null;
    return {
      percent: this.#percent,
      rowsPerSecond,
      secondsLeft: left === null ? null : Math.max(0, left),
    };
  }

  /** Until the file is read, its rows are as long as those that were read. */
  #expectedRows({ totalRows, readRows, readBytes }: Standing): number | null {
    if (totalRows !== null) return totalRows;
    return readRows && readBytes ? (readRows * this.fileBytes) / readBytes : null;
  }

  #rowsPerSecond(): number | null {
    const first = this.#points[0];
    const last = this.#points.at(-1);
    if (!first || !last || last.at - first.at < 0.5) return null;
    return (last.rows - first.rows) / (last.at - first.at);
  }
}
