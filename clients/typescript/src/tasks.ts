import { notRowferry } from "./conversation.js";
import type { Endpoint } from "./endpoint.js";
import { errorOf, errorOfDocument, UnreachableError } from "./errors.js";
import { metadataOf, newRequestId } from "./metadata.js";
import type { CallOptions, PulledExport, TaskQuery, TaskStatus } from "./types.js";
import { camelCased, snakeCased } from "./wire-names.js";

interface Request extends CallOptions {
  method?: string;
  body?: unknown;
}

/** Give a task as it is. */
export async function status(
  endpoint: Endpoint,
  taskId: string,
  options?: CallOptions,
): Promise<TaskStatus> {
  return call(endpoint, pathOf(taskId), { ...options });
}

/** Tasks, newest first, page by page as they are asked for. */
export async function* list(
  endpoint: Endpoint,
  query: TaskQuery = {},
  options?: CallOptions,
): AsyncGenerator<TaskStatus, void, undefined> {
  for (let pageToken = ""; ; ) {
    const page = await call<TaskPage>(endpoint, `v1/exports?${queryOf({ ...query, pageToken })}`, {
      ...options,
    });
    yield* page.tasks;
    pageToken = page.nextPageToken;
    if (!pageToken) return;
  }
}

interface TaskPage {
  tasks: TaskStatus[];
  nextPageToken: string;
}

/** End a task that has not ended. */
export async function cancel(
  endpoint: Endpoint,
  taskId: string,
  options?: CallOptions & { reason?: string | undefined },
): Promise<TaskStatus> {
  const { reason, ...others } = options ?? {};
  return call(endpoint, `${pathOf(taskId)}/cancel`, {
    ...others,
    method: "POST",
    body: { reason },
  });
}

/** Try a failed task again at once. */
export async function retry(
  endpoint: Endpoint,
  taskId: string,
  options?: CallOptions,
): Promise<TaskStatus> {
  return call(endpoint, `${pathOf(taskId)}/retry`, { ...options, method: "POST" });
}

/** Remove the file and the rows of a task that has ended. */
export async function remove(
  endpoint: Endpoint,
  taskId: string,
  options?: CallOptions,
): Promise<TaskStatus> {
  return call(endpoint, pathOf(taskId), { ...options, method: "DELETE" });
}

/** Ask for an export whose rows the service gets from a data provider; watch or wait for its task. */
export async function createExport(
  endpoint: Endpoint,
  request: PulledExport,
  options?: CallOptions,
): Promise<TaskStatus> {
  const { provider, parameters, runAt, requestId = newRequestId(), ...wishes } = request;
  const metadata = metadataOf({ ...wishes, requestId });
  const body = { metadata, provider, parameters, run_at: runAt };
  return call(endpoint, "v1/exports", { ...options, method: "POST", body });
}

function pathOf(taskId: string): string {
  return `v1/exports/${encodeURIComponent(taskId)}`;
}

function queryOf(query: object): URLSearchParams {
  const told = new URLSearchParams();
  for (const [name, value] of Object.entries(snakeCased(query) as object)) {
    if (value) told.set(name, value instanceof Date ? value.toISOString() : `${value}`);
  }
  return told;
}

async function call<T>(endpoint: Endpoint, path: string, request: Request): Promise<T> {
  const answer = await answerTo(endpoint, path, request);
  const context = {
    http_status: `${answer.status}`,
    content_type: `${answer.headers.get("content-type")}`,
  };
  const document: unknown = await answer.json().catch(() => undefined);
  if (answer.ok && typeof document === "object" && document) return camelCased(document) as T;
  const error = errorOfDocument((document as { error?: unknown } | undefined)?.error);
  if (error) throw error;
  throw notRowferry(`${new URL(endpoint.http).host} answered with something else.`, context);
}

async function answerTo(endpoint: Endpoint, path: string, request: Request): Promise<Response> {
  const { method = "GET", body, signal } = request;
  const headers: Record<string, string> = body ? { "content-type": "application/json" } : {};
  if (endpoint.token) headers.authorization = `Bearer ${endpoint.token}`;
  // fetch would name it in its complaint
  if (/[^\x21-\x7e]/.test(endpoint.token)) {
    throw errorOf("UNAUTHENTICATED", "The token has characters that HTTP can't carry.");
  }
  try {
    return await endpoint.fetch(new URL(path, endpoint.http), {
      method,
      headers,
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal && { signal }),
    });
  } catch (cause) {
    if (signal?.aborted) throw signal.reason;
    const message = `No connection to ${new URL(endpoint.http).host}.`;
    throw new UnreachableError(message, {}, { cause });
  }
}
