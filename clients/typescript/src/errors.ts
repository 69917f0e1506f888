/** What may be said of an error: where, what was expected, what came. All values are texts. */
export type ErrorContext = Readonly<Record<string, string>>;

/**
 * Any failure. Programs go by `code` (docs/errors.md), people by `message`.
 *
 * A code that this version does not know is a plain RowferryError.
 */
export class RowferryError extends Error {
  override name = "RowferryError";
  /** The task it is about, once there is one. */
  taskId: string | undefined;
  /** What the same export can be asked for with again. */
  requestId: string | undefined;

  constructor(
    readonly code: string,
    message: string,
    readonly context: ErrorContext = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.taskId = context.task_id;
    this.requestId = context.request_id;
  }
}

/** A field of the request can't be used. */
export class InvalidRequestError extends RowferryError {
  override name = "InvalidRequestError";
}

/** A row can't be taken: `context` has `row` (from 1), `column` (from 0), `expected` and `got`. */
export class InvalidRowError extends RowferryError {
  override name = "InvalidRowError";
}

/** The request contradicts what the service has. */
export class ConflictError extends RowferryError {
  override name = "ConflictError";
}

/** There is no such task, link or file. */
export class NotFoundError extends RowferryError {
  override name = "NotFoundError";
}

/** No token, or one that is not known. */
export class UnauthenticatedError extends RowferryError {
  override name = "UnauthenticatedError";
}

/** The client is known and may not do this. */
export class ForbiddenError extends RowferryError {
  override name = "ForbiddenError";
}

/** A bound was reached: of size, of rows, of the client's share, of the service's disk. */
export class LimitedError extends RowferryError {
  override name = "LimitedError";
}

/** The service, or something that it needs, is away for a while. */
export class UnavailableError extends RowferryError {
  override name = "UnavailableError";
}

/** The export ended without a file: `code` says why. */
export class ExportFailedError extends RowferryError {
  override name = "ExportFailedError";
}

/** No connection, it broke, or what answers is no Rowferry: code UNREACHABLE. */
export class UnreachableError extends RowferryError {
  override name = "UnreachableError";
}

/** The codes of each class, of docs/errors.md and UNREACHABLE; others are plain RowferryErrors. */
const CODES: readonly (readonly [typeof RowferryError, string])[] = [
  [InvalidRequestError, "INVALID_METADATA"],
  [InvalidRowError, "INVALID_ROW"],
  [ConflictError, "SEQUENCE_GAP IDEMPOTENCY_CONFLICT INVALID_STATE ROW_COUNT_MISMATCH"],
  [NotFoundError, "NOT_FOUND"],
  [UnauthenticatedError, "UNAUTHENTICATED"],
  [ForbiddenError, "FORBIDDEN"],
  [LimitedError, "ROW_LIMIT TOO_LARGE QUEUE_FULL DISK_FULL RATE_LIMITED"],
  [
    UnavailableError,
    "STORAGE_UNAVAILABLE DATABASE_UNAVAILABLE QUEUE_TIMEOUT STREAM_IDLE STREAM_LOST WRITE_FAILED " +
      "UPLOAD_FAILED PROVIDER_FAILED LEASE_EXPIRED WRONG_NODE SHUTTING_DOWN",
  ],
  [ExportFailedError, "CANCELLED PROVIDER_REFUSED PROVIDER_TIMEOUT"],
  [UnreachableError, "UNREACHABLE"],
];

/** Limits that are lower than usual for a while. */
const PASSING_LIMIT = /^(RATE_LIMITED|QUEUE_FULL|DISK_FULL)$/;

/** Give the class of a code its error. */
export function errorOf(
  code: string,
  message: string,
  context?: ErrorContext,
  options?: ErrorOptions,
): RowferryError {
  const [Class] = CODES.find(([, codes]) => codes.split(" ").includes(code)) ?? [RowferryError];
  return new Class(code, message, context, options);
}

/** Give the error of a service's error document, `{code, message, context}`. */
export function errorOfDocument(document: unknown): RowferryError {
  const { code, message, context } = (document ?? {}) as Record<string, unknown>;
  if (typeof code !== "string") return notRowferry("An error without a code came");
  const entries = Object.entries(context ?? {}).map(([key, value]) => [key, `${value}`]);
  return errorOf(code, `${message}`, Object.fromEntries(entries));
}

/** Give the error for an answer that no Rowferry gives. */
export function notRowferry(what: string, context?: ErrorContext): RowferryError {
  const message = `${what}: is this a Rowferry service?`;
  return errorOf("UNREACHABLE", message, { expected: "rowferry", ...context });
}

/** Whether trying again may help. */
export function isPassing(error: unknown): error is RowferryError {
  return (
    error instanceof UnavailableError ||
    // something else would answer as it did
    (error instanceof UnreachableError && !error.context.expected) ||
    (error instanceof LimitedError && PASSING_LIMIT.test(error.code))
  );
}
