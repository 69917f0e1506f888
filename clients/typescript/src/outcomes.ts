import type { Endpoint } from "./endpoint.js";
import { ExportFailedError } from "./errors.js";
import { subscribe } from "./progress.js";
import type { RetryOptions, TaskOutcome, TaskStatus } from "./types.js";

/** Whether nothing will change a task any more; a failure that is tried again is not the end. */
export function isFinal({ status, nextAttemptTime }: TaskOutcome): boolean {
  return (
    /^(COMPLETED|CANCELLED|EXPIRED)$/.test(status) || (status === "FAILED" && !nextAttemptTime)
  );
}

/** Give the error of a task that ended without a file. */
export function outcomeError(task: TaskOutcome): ExportFailedError | undefined {
  if (!isFinal(task) || task.status === "COMPLETED") return undefined;
  const code = task.errorCode || task.status;
  return new ExportFailedError(code, task.errorMessage || code, {
    ...task.errorContext,
    task_id: task.taskId,
  });
}

/** Wait for a task's file; throws ExportFailedError if there will be none. */
export async function wait(
  endpoint: Endpoint,
  taskId: string,
  options: RetryOptions = {},
): Promise<TaskStatus> {
  let last: TaskStatus | undefined;
  for await (const task of subscribe(endpoint, [taskId], options)) last = task;
  const task = last as TaskStatus; // a task is told of at least once
  const error = outcomeError(task);
  if (error) throw error;
  return task;
}
