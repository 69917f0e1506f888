import { type ConnectOptions, type Endpoint, endpointOf } from "./endpoint.js";
import { exportRows, type OpenExport, openExport } from "./exports.js";
import { wait } from "./outcomes.js";
import { subscribe } from "./progress.js";
import { cancel, createExport, list, remove, retry, status } from "./tasks.js";
import type {
  CallOptions,
  CancelOptions,
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
export interface Rowferry {
  /** Begin an export to write rows into, or go on with it; resolves when it is ready for rows. */
  openExport(spec: ExportSpec, options?: ExportOptions): Promise<OpenExport>;

  /**
   * Export rows, drawn as the service takes them; gives the file's link and figures.
   *
   * What `rows` throws, and a row that can't be sent, ends the connection and leaves the task open:
   * the same rows with the same request id go on where they stopped.
   */
  exportRows(
    rows: Iterable<Row> | AsyncIterable<Row>,
    spec: ExportSpec,
    options?: ExportOptions,
  ): Promise<ExportResult>;

  /**
   * Watch tasks: each as it is, then after changes. Ends when all are final, with "all" never.
   *
   * Connects again when the connection is lost. Who takes them slowly gets the newest state of each.
   * Throws NotFoundError for an id that there is not.
   */
  subscribe(
    tasks: readonly string[] | "all",
    options?: WatchOptions,
  ): AsyncGenerator<TaskStatus, void, undefined>;

  /** Wait for a task's file; throws ExportFailedError if there will be none. */
  wait(taskId: string, options?: RetryOptions): Promise<TaskStatus>;

  /** Ask for an export whose rows a data provider of the service has. */
  createExport(request: PulledExport, options?: CallOptions): Promise<TaskStatus>;

  status(taskId: string, options?: CallOptions): Promise<TaskStatus>;

  /** Tasks, newest first, over all pages. */
  list(query?: TaskQuery, options?: CallOptions): AsyncGenerator<TaskStatus, void, undefined>;

  /** End a task that has not ended. */
  cancel(taskId: string, options?: CancelOptions): Promise<TaskStatus>;

  /** Try a failed task again at once. */
  retry(taskId: string, options?: CallOptions): Promise<TaskStatus>;

  /** Remove the file and the rows of a task that has ended. */
  delete(taskId: string, options?: CallOptions): Promise<TaskStatus>;

  /** Give the address of a file, for a link or `location.href`; "" while there is none. */
  downloadUrl(outcome: Pick<TaskOutcome, "ossUrl">): string;
}

/** Name a service; throws TypeError for what is no address. */
export function connect(options: ConnectOptions): Rowferry {
  const endpoint = endpointOf(options);
  const here =
    <A extends unknown[], R>(call: (endpoint: Endpoint, ...rest: A) => R) =>
    (...rest: A) =>
      call(endpoint, ...rest);
  return {
    openExport: here(openExport),
    exportRows: here(exportRows),
    subscribe: here(subscribe),
    wait: here(wait),
    createExport: here(createExport),
    status: here(status),
    list: here(list),
    cancel: here(cancel),
    retry: here(retry),
    delete: here(remove),
    downloadUrl: ({ ossUrl }) => ossUrl && new URL(ossUrl, endpoint.http).href,
  };
}
