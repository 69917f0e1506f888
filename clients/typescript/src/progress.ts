import type { Frame } from "./conversation.js";
import type { Endpoint, WebSocketLike } from "./endpoint.js";
import { errorOfDocument } from "./errors.js";
import { isFinal } from "./outcomes.js";
import { retrying } from "./retrying.js";
import type { TaskStatus, WatchOptions } from "./types.js";
import { camelCased } from "./wire-names.js";

/** Tasks by their ids on one connection, at most. */
const MAX_TASKS = 100;

/**
 * Watch tasks: each as it is, then after changes. Ends when all of them are final, with "all" never.
 *
 * Connects again when the connection is lost. Who takes them slowly gets the newest state of each.
 * Throws NotFoundError for an id that there is not.
 */
export async function* subscribe(
  endpoint: Endpoint,
  tasks: readonly string[] | "all",
  { states, formats, owner, ...options }: WatchOptions = {},
): AsyncGenerator<TaskStatus, void, undefined> {
  const all = tasks === "all";
  /** Tasks that are not final, as far as is known. */
  const open = new Set(all ? [] : tasks);
  const untold = new Map<string, TaskStatus>();
  const isOver = () => !all && open.size === 0;
  if (isOver()) return;
  let wake = () => {};

  const ask = (socket: WebSocketLike) => {
    const say = (fields: object) => socket.send(JSON.stringify({ type: "subscribe", ...fields }));
    if (all) say({ all, states, formats, owner });
    // of "all", too: what ended while nobody listened is in no snapshot of those that have not
    const task_ids = [...open].slice(0, all ? MAX_TASKS : undefined);
    if (task_ids.length) say({ task_ids });
  };
  const complain = (document: unknown) => {
    const error = errorOfDocument(document);
    // a task of "all" that was deleted meanwhile is nobody's mistake
    if (!all || error.code !== "NOT_FOUND") throw error;
    open.delete(`${error.taskId}`);
  };
  const heard = (frame: Frame): true | undefined => {
    if (frame.type === "error") complain(frame.error);
    if (frame.type === "task") retries.progressed();
    for (const document of [frame.tasks ?? frame.task ?? []].flat()) {
      const task = camelCased(document) as TaskStatus;
      if (isFinal(task)) open.delete(task.taskId);
      else open.add(task.taskId);
      untold.set(task.taskId, task);
    }
    wake();
    return isOver() || undefined;
  };

  const leaving = new AbortController();
  const signal = AbortSignal.any([leaving.signal, options.signal ?? leaving.signal]);
  const retries = retrying(options);
  let ended = false;
  const running = retries
    .converse(endpoint, {
      url: endpoint.progress,
      subprotocol: "rowferry.progress.v1",
      opened: ask,
      heard,
      signal,
    })
    .finally(() => {
      ended = true;
      wake();
    });
  running.catch(() => {}); // thrown below, behind what came before it
  try {
    for (;;) {
      for (const [id, task] of untold) {
        untold.delete(id);
        yield task;
      }
      if (untold.size) continue;
      if (ended) return void (await running);
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    leaving.abort();
  }
}
