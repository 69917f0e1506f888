import { type ConnectOptions, type Endpoint, endpointOf } from "./endpoint.js";
import { exportRows, type OpenExport, openExport } from "./exports.js";
import { wait } from "./outcomes.js";
import { subscribe } from "./progress.js";
import { cancel, createExport, list, remove, retry, status } from "./tasks.js";
import type {
  CallOptions,
  ExportOptions,
  ExportResult,
  ExportSpec,
  PulledExport,
  RetryOptions,
  Row,
  TaskOutcome,
  TaskQuery,
  TaskStatus,
  WatchOptions,
} from "./types.js";

/** A service. Nothing is connected before it is needed, and nothing has to be closed. */
export class Rowferry {
  readonly #endpoint: Endpoint;

  constructor(options: ConnectOptions) {
    this.#endpoint = endpointOf(options);
  }

  /** Begin an export to write rows into, or go on with it; resolves when it is ready for rows. */
  openExport(spec: ExportSpec, options?: ExportOptions): Promise<OpenExport> {
    return openExport(this.#endpoint, spec, options);
  }

  /** Export rows; gives the file's link and figures, or throws why there is none. */
  exportRows(
    rows: Iterable<Row> | AsyncIterable<Row>,
    spec: ExportSpec,
    options?: ExportOptions,
  ): Promise<ExportResult> {
    return exportRows(this.#endpoint, rows, spec, options);
  }

  /** Watch tasks: each as it is, then after changes. Ends when all of them are final. */
  subscribe(
    tasks: readonly string[] | "all",
    options?: WatchOptions,
  ): AsyncGenerator<TaskStatus, void, undefined> {
    return subscribe(this.#endpoint, tasks, options);
  }

  /** Wait for a task's file; throws ExportFailedError if there will be none. */
  wait(taskId: string, options?: RetryOptions): Promise<TaskStatus> {
    return wait(this.#endpoint, taskId, options);
  }

  /** Ask for an export whose rows a data provider of the service has. */
  createExport(request: PulledExport, options?: CallOptions): Promise<TaskStatus> {
    return createExport(this.#endpoint, request, options);
  }

  status(taskId: string, options?: CallOptions): Promise<TaskStatus> {
    return status(this.#endpoint, taskId, options);
  }

  /** Tasks, newest first, over all pages. */
  list(query?: TaskQuery, options?: CallOptions): AsyncGenerator<TaskStatus, void, undefined> {
    return list(this.#endpoint, query, options);
  }

  /** End a task that has not ended. */
  cancel(taskId: string, options?: CallOptions & { reason?: string }): Promise<TaskStatus> {
    return cancel(this.#endpoint, taskId, options);
  }

  /** Try a failed task again at once. */
  retry(taskId: string, options?: CallOptions): Promise<TaskStatus> {
    return retry(this.#endpoint, taskId, options);
  }

  /** Remove the file and the rows of a task that has ended. */
  delete(taskId: string, options?: CallOptions): Promise<TaskStatus> {
    return remove(this.#endpoint, taskId, options);
  }

  /** Give the address of a file, for a link or `location.href`; "" while there is none. */
  downloadUrl(outcome: Pick<TaskOutcome, "ossUrl">): string {
    return outcome.ossUrl && new URL(outcome.ossUrl, this.#endpoint.http).href;
  }
}

/** Name a service; throws TypeError for what is no address. */
export function connect(options: ConnectOptions): Rowferry {
  return new Rowferry(options);
}
