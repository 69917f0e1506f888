import type { Frame } from "./conversation.js";
import type { Endpoint, WebSocketLike } from "./endpoint.js";
import { errorOfDocument } from "./errors.js";
import { isFinal } from "./outcomes.js";
import { Retrying } from "./retrying.js";
import type { TaskStatus, WatchOptions } from "./types.js";
import { camelCased } from "./wire-names.js";

/** Three heartbeats: docs/protocol.md, Live progress. */
const SILENCE_SECONDS = 45;
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
  options: WatchOptions = {},
): AsyncGenerator<TaskStatus, void, undefined> {
  const leaving = new AbortController();
  const { signal = leaving.signal } = options;
  const watch = new Watch(endpoint, tasks, {
    ...options,
    signal: AbortSignal.any([signal, leaving.signal]),
  });
  try {
    yield* watch.news();
  } finally {
    leaving.abort();
  }
}

class Watch {
  readonly #endpoint: Endpoint;
  readonly #all: boolean;
  readonly #options: WatchOptions;
  readonly #retrying: Retrying;
  /** Tasks that are not final, as far as is known. */
  readonly #open: Set<string>;
  readonly #untold = new Map<string, TaskStatus>();
  #wake = () => {};

  constructor(endpoint: Endpoint, tasks: readonly string[] | "all", options: WatchOptions) {
    this.#endpoint = endpoint;
    this.#all = tasks === "all";
    this.#open = new Set(tasks === "all" ? [] : tasks);
    this.#options = options;
    this.#retrying = new Retrying(options);
  }

  async *news(): AsyncGenerator<TaskStatus, void, undefined> {
    if (this.#isOver) return;
    let over = false;
    const running = this.#run().finally(() => {
      over = true;
      this.#wake();
    });
    running.catch(() => {}); // thrown below, behind what came before it
    for (;;) {
      for (const [id, task] of this.#untold) {
        this.#untold.delete(id);
        yield task;
      }
      if (this.#untold.size) continue;
      if (over) return void (await running);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  get #isOver(): boolean {
    return !this.#all && this.#open.size === 0;
  }

  #run(): Promise<true> {
    return this.#retrying.converse(this.#endpoint, {
      url: this.#endpoint.progress,
      subprotocol: "rowferry.progress.v1",
      opened: (socket) => this.#subscribe(socket),
      heard: (frame) => this.#hear(frame),
      signal: this.#options.signal,
      silenceSeconds: SILENCE_SECONDS,
    });
  }

  #subscribe(socket: WebSocketLike): void {
    const say = (fields: object) => socket.send(JSON.stringify({ type: "subscribe", ...fields }));
    const { states, formats, owner } = this.#options;
    if (this.#all) say({ all: true, states, formats, owner });
    // of "all", too: what ended while nobody listened is in no snapshot of those that have not
    const ids = [...this.#open];
    if (ids.length) say({ task_ids: this.#all ? ids.slice(0, MAX_TASKS) : ids });
  }

  #hear(frame: Frame): true | undefined {
    if (frame.type === "error") this.#complain(frame.error);
    if (frame.type === "snapshot") this.#retrying.calm();
    if (frame.type === "task") this.#retrying.progressed();
    for (const task of [frame.tasks ?? frame.task ?? []].flat()) this.#tell(task);
    this.#wake();
    return this.#isOver || undefined;
  }

  #complain(document: unknown): void {
    const error = errorOfDocument(document);
    // a task of "all" that was deleted meanwhile is nobody's mistake
    if (!this.#all || error.code !== "NOT_FOUND") throw error;
    this.#open.delete(`${error.taskId}`);
  }

  #tell(document: unknown): void {
    const task = camelCased(document) as TaskStatus;
    if (isFinal(task)) this.#open.delete(task.taskId);
    else this.#open.add(task.taskId);
    this.#untold.set(task.taskId, task);
  }
}
