// What tests call by name in the page.
import * as rowferry from "@rowferry/client";
import { type Ended, type Order, rowsAlone, type Standing, Transfer } from "./transfer.js";

let transfer: Transfer;

const functions = {
  rowferry,
  begin(order: Order): void {
    transfer = new Transfer(order);
  },
  ended: () => transfer.ended,
  async exported(order: Order): Promise<{ ended: Ended; standing: Standing }> {
    const { ended, standing } = new Transfer(order);
    return { ended: await ended, standing };
  },
  rowsAlone,
  allow: (rows: number) => transfer.allow(rows),
  keeps: (rows: number) => transfer.keeps(rows),
  standing: () => transfer.standing,
  inWorker(order: Order): Promise<{ ended: Ended; standing: Standing }> {
    const worker = new Worker("export_worker.js", { type: "module" });
    return new Promise((resolve) => {
      worker.onmessage = ({ data }) => {
        worker.terminate();
        resolve(data);
      };
      worker.postMessage(order);
    });
  },
  /** The class and the code of what refuses to let a client's tasks be watched. */
  async watchRefused(service: rowferry.ConnectOptions): Promise<string[]> {
    try {
      for await (const { taskId } of rowferry.connect(service).subscribe("all")) return [taskId];
    } catch (error) {
      if (error instanceof rowferry.RowferryError) return [error.name, error.code];
    }
    return [];
  },
  /** The states of a client's tasks, newest change last, until `count` of them have ended. */
  async watched(service: rowferry.ConnectOptions, count: number): Promise<string[]> {
    const states: string[] = [];
    let over = 0;
    for await (const task of rowferry.connect(service).subscribe("all")) {
      states.push(`${task.taskId} ${task.status}`);
      if (/COMPLETED|FAILED|CANCELLED/.test(task.status) && ++over === count) break;
    }
    return states;
  },
};

export type TestFunctions = typeof functions;
Object.assign(globalThis, functions);
