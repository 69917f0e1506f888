export type { ConnectOptions, WebSocketClass, WebSocketLike } from "./endpoint.js";
export {
  ConflictError,
  type ErrorContext,
  ExportFailedError,
  ForbiddenError,
  InvalidRequestError,
  InvalidRowError,
  LimitedError,
  NotFoundError,
  RowferryError,
  UnauthenticatedError,
  UnavailableError,
  UnreachableError,
} from "./errors.js";
export type { OpenExport } from "./exports.js";
export { connect, type Rowferry } from "./rowferry.js";
export type * from "./types.js";
