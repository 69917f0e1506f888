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
  /** Whether another try may help: not where something else than Rowferry answers. */
  readonly passing: boolean;

  constructor(message: string, context?: ErrorContext, options?: ErrorOptions, passing = true) {
    super("UNREACHABLE", message, context, options);
    this.passing = passing;
  }
}

const CLASSES: Readonly<Record<string, typeof RowferryError>> = {
  INVALID_METADATA: InvalidRequestError,
  INVALID_ROW: InvalidRowError,
  SEQUENCE_GAP: ConflictError,
  IDEMPOTENCY_CONFLICT: ConflictError,
  INVALID_STATE: ConflictError,
  ROW_COUNT_MISMATCH: ConflictError,
  NOT_FOUND: NotFoundError,
  UNAUTHENTICATED: UnauthenticatedError,
  FORBIDDEN: ForbiddenError,
  ROW_LIMIT: LimitedError,
  TOO_LARGE: LimitedError,
  QUEUE_FULL: LimitedError,
  DISK_FULL: LimitedError,
  RATE_LIMITED: LimitedError,
  QUEUE_TIMEOUT: UnavailableError,
  STREAM_IDLE: UnavailableError,
  STREAM_LOST: UnavailableError,
  WRITE_FAILED: UnavailableError,
  STORAGE_UNAVAILABLE: UnavailableError,
  UPLOAD_FAILED: UnavailableError,
  LEASE_EXPIRED: UnavailableError,
  PROVIDER_FAILED: UnavailableError,
  DATABASE_UNAVAILABLE: UnavailableError,
  WRONG_NODE: UnavailableError,
  SHUTTING_DOWN: UnavailableError,
  CANCELLED: ExportFailedError,
};

/** Codes after which an export may simply be resumed. */
const PASSING =
  /^(STREAM_(IDLE|LOST)|(STORAGE|DATABASE)_UNAVAILABLE|UPLOAD_FAILED|LEASE_EXPIRED|WRITE_FAILED|WRONG_NODE|SHUTTING_DOWN|RATE_LIMITED|QUEUE_FULL|DISK_FULL)$/;

/** Give the class of a code its error. */
export function errorOf(
  code: string,
  message: string,
  context?: ErrorContext,
  options?: ErrorOptions,
): RowferryError {
  // Object.hasOwn: codes come from the network, "constructor" may be one
  const Class = (Object.hasOwn(CLASSES, code) && CLASSES[code]) || RowferryError;
  return new Class(code, message, context, options);
}

/** Read a service's error document, `{code, message, context}`; undefined if it is none. */
export function errorOfDocument(document: unknown): RowferryError | undefined {
  const { code, message, context } = (document ?? {}) as Record<string, unknown>;
  if (typeof code !== "string") return undefined;
  return errorOf(code, String(message ?? code), textsOf(context));
}

/** Whether trying again may help. */
export function isPassing(error: unknown): error is RowferryError {
  return error instanceof UnreachableError
    ? error.passing
    : error instanceof RowferryError && PASSING.test(error.code);
}

export function textsOf(context: unknown): Record<string, string> {
  const entries = context && typeof context === "object" ? Object.entries(context) : [];
  return Object.fromEntries(entries.map(([key, value]) => [key, String(value)]));
}
