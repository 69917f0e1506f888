import type { Endpoint } from "./endpoint.js";
import { errorOf, errorOfDocument, notRowferry } from "./errors.js";
import { metadataOf, newRequestId } from "./metadata.js";
import type { CallOptions, CancelOptions, PulledExport, TaskQuery, TaskStatus } from "./types.js";
import { camelCased, snakeCased } from "./wire-names.js";

/** Give a task as it is. */
export function status(
  endpoint: Endpoint,
  taskId: string,
  options?: CallOptions,
): Promise<TaskStatus> {
  return call(endpoint, pathOf(taskId), options);
}

/** Tasks, newest first, page by page as they are asked for. */
export async function* list(
  endpoint: Endpoint,
  query: TaskQuery = {},
  options?: CallOptions,
): AsyncGenerator<TaskStatus, void, undefined> {
  let pageToken = "";
  do {
    const path = `v1/exports?${queryOf({ ...query, pageToken })}`;
    const page = await call<TaskPage>(endpoint, path, options);
    yield* page.tasks;
    pageToken = page.nextPageToken;
  } while (pageToken);
}

interface TaskPage {
  tasks: TaskStatus[];
  nextPageToken: string;
}

/** End a task that has not ended. */
export function cancel(
  endpoint: Endpoint,
  taskId: string,
  options?: CancelOptions,
): Promise<TaskStatus> {
  return call(endpoint, `${pathOf(taskId)}/cancel`, options, "POST", { reason: options?.reason });
}

/** Try a failed task again at once. */
export function retry(
  endpoint: Endpoint,
  taskId: string,
  options?: CallOptions,
): Promise<TaskStatus> {
  return call(endpoint, `${pathOf(taskId)}/retry`, options, "POST");
}

/** Remove the file and the rows of a task that has ended. */
export function remove(
  endpoint: Endpoint,
  taskId: string,
  options?: CallOptions,
): Promise<TaskStatus> {
  return call(endpoint, pathOf(taskId), options, "DELETE");
}

/** Ask for an export whose rows the service gets from a data provider; watch or wait for its task. */
export function createExport(
  endpoint: Endpoint,
  request: PulledExport,
  options?: CallOptions,
): Promise<TaskStatus> {
  const { provider, parameters, runAt, requestId = newRequestId(), ...wishes } = request;
  const metadata = metadataOf({ ...wishes, requestId });
  const body = { metadata, provider, parameters, run_at: runAt };
  return call(endpoint, "v1/exports", options, "POST", body);
}

function pathOf(taskId: string): string {
  return `v1/exports/${encodeURIComponent(taskId)}`;
}

function queryOf(query: object): URLSearchParams {
  const told = new URLSearchParams();
  for (const [name, value] of Object.entries(snakeCased(query) as object)) {
    if (value) told.set(name, value instanceof Date ? value.toISOString() : value);
  }
  return told;
}

async function call<T>(
  endpoint: Endpoint,
  path: string,
  { signal }: CallOptions = {},
  method = "GET",
  body?: object,
): Promise<T> {
  const { token, http } = endpoint;
  const headers: Record<string, string> = body ? { "content-type": "application/json" } : {};
  if (token) headers.authorization = `Bearer ${token}`;
  // fetch would name it in its complaint
  if (/[^!-~]/.test(token)) throw errorOf("UNAUTHENTICATED", "HTTP can't carry the token.");
  let answer: Response | undefined;
  let document: { error?: unknown } | undefined;
  try {
    const sent = body ? JSON.stringify(body) : null;
    answer = await endpoint.fetch(http + path, {
      method,
      headers,
      body: sent,
      ...(signal && { signal }),
    });
    document = await answer.json();
  } catch (cause) {
    if (signal?.aborted) throw signal.reason;
    if (!answer) {
      throw errorOf("UNREACHABLE", `${http} can't be reached.`, {}, { cause });
    }
  }
  if (answer.ok && Object(document) === document) return camelCased(document) as T;
  if (document?.error) throw errorOfDocument(document.error);
  throw notRowferry("Another answer came", { http_status: `${answer.status}` });
}
