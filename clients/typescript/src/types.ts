/** A file format: words of this language, or the contract's. */
export type Format = "xlsx" | "csv" | "EXCEL" | "CSV";

export type DataType = "STRING" | "NUMBER" | "DATE" | "BOOLEAN";

export interface Column {
  /** The header's text. */
  name: string;
  /** "STRING" by default. */
  dataType?: DataType;
  /** Characters; from the first rows by default. */
  width?: number;
  /** The display format: `0.00`, `yyyy-mm-dd hh:mm:ss`. */
  format?: string;
  /** The key of rows that are objects; the name by default. */
  key?: string;
}

/** What docs/fidelity.md has under Options. */
export interface FormatOptions {
  csvDelimiter?: string;
  csvEncoding?: string;
  csvNull?: string;
  excelSheetName?: string;
  excelStartRow?: number;
  compressionEnabled?: boolean;
  preset?: "rfc4180" | "excel" | "excel-zh" | "excel-eu" | "unix" | "tsv";
  injectionGuard?: "off" | "quote" | "tab" | "reject";
  onBadValue?: "text" | "null" | "fail";
  onUnmappable?: "replace" | "fail";
  onControlCharacter?: "escape" | "strip" | "fail";
  rowOverflow?: "sheet" | "fail";
  timezone?: string;
}

/** What every export is asked for with. */
export interface ExportWishes {
  format: Format;
  /** For people, in any script; without a path. */
  filename: string;
  options?: FormatOptions;
  /** The idempotency key: the same export again finds the same task. Made if it is not given. */
  requestId?: string;
  /** Become tags of the object. */
  tags?: Record<string, string>;
  /** Smaller runs earlier; 100 by default. */
  priority?: number;
  /** The end user behind the client, for lists. */
  owner?: string;
  retentionSeconds?: number;
  /** The name of a webhook that the service knows. */
  callback?: string;
}

/** An export of rows that this program has. */
export interface ExportSpec extends ExportWishes {
  /** In order; a text is the name of a STRING column. */
  columns: readonly (string | Column)[];
  /** For progress in per cent. */
  expectedRows?: number;
  /** How long to wait for the file behind the last row: until it is there by default, 0 = not at all. */
  waitSeconds?: number;
}

/** An export of rows that a data provider of the service has. */
export interface PulledExport extends ExportWishes {
  provider: string;
  /** What the provider needs. */
  parameters?: Record<string, unknown>;
  columns?: readonly (string | Column)[];
  /** At once by default. */
  runAt?: Date | string;
}

/**
 * A cell. undefined is null; a Date is its instant; other objects are what their `toJSON` gives, if
 * that is a text, a number or a boolean. Anything else is refused: NaN and infinities, too.
 */
export type Cell =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | Date
  | { toJSON(): unknown };

/** Cells in the order of columns, or by the columns' keys. */
export type Row = readonly Cell[] | { readonly [key: string]: Cell };

export type TaskState =
  | "SCHEDULED"
  | "QUEUED"
  | "PROCESSING"
  | "UPLOADING"
  | "COMPLETED"
  | "FAILED"
  | "CANCELLED"
  | "EXPIRED";

/** Cells that are not in the file as they came: docs/fidelity.md, The report. */
export interface FidelityIssue {
  kind: string;
  cells: number;
  /** From 1. */
  firstRow: number;
  /** From 0. */
  firstColumn: number;
}

/** What a task and a result both tell. Times are RFC 3339 in UTC. */
export interface TaskOutcome {
  taskId: string;
  status: TaskState;
  /** The link to the file, "" without one. */
  ossUrl: string;
  fileSizeBytes: number;
  progressPercent: number;
  /** Hex, "" without a file. */
  checksumSha256: string;
  errorCode: string;
  errorMessage: string;
  errorContext: Readonly<Record<string, string>>;
  startTime: string | null;
  completionTime: string | null;
  fidelity: readonly FidelityIssue[];
  linkExpires: string | null;
  fileExpires: string | null;
  /** Set: FAILED is not final, it will be tried again. */
  nextAttemptTime: string | null;
  rowsReceived: number;
}

export interface ExportResult extends TaskOutcome {
  requestId: string;
  recordCount: number;
}

export interface TaskStatus extends TaskOutcome {
  format: "EXCEL" | "CSV";
  filename: string;
  stage: "STAGE_UNSPECIFIED" | "INITIALIZED" | "WRITING" | "FINALIZING";
  recordsProcessed: number;
  rowsPerSecond: number;
  /** Seconds, -1 = unknown. */
  estimatedTimeRemaining: number;
  expectedRows: number;
  attempt: number;
  requestId: string;
  client: string;
  owner: string;
  createdTime: string;
  nextSequence: number;
  cancelReason: string;
}

/** How far an export is. */
export interface ExportProgress {
  /** Rows that were handed to the network. */
  rowsSent: number;
  /** Rows that survive a crash of the service. */
  rowsKept: number;
  /** The task, as it was last told of. */
  task: TaskStatus | undefined;
}

/** Told of each connection that is lost, before it is made again. */
export type OnReconnect = (error: Error, delaySeconds: number) => void;

/** What calls that connect again take. */
export interface RetryOptions {
  signal?: AbortSignal | undefined;
  /** How long to try until anybody answers; 10 by default. */
  connectForSeconds?: number;
  /** How long to try without getting any further, once anybody has answered; 120 by default. */
  retryForSeconds?: number;
  onReconnect?: OnReconnect;
}

export interface ExportOptions extends RetryOptions {
  onProgress?: (progress: ExportProgress) => void;
}

/** Which tasks to watch, of all of the client's. */
export interface WatchOptions extends RetryOptions {
  states?: readonly TaskState[];
  formats?: readonly ("EXCEL" | "CSV")[];
  owner?: string;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
}

export interface CancelOptions extends CallOptions {
  /** For people who look at the task later. */
  reason?: string | undefined;
}

/** Which tasks to list. */
export interface TaskQuery {
  states?: readonly TaskState[];
  formats?: readonly ("EXCEL" | "CSV")[];
  filenameContains?: string;
  owner?: string;
  createdAfter?: Date | string;
  createdBefore?: Date | string;
  /** Tasks of a page, at most 500. */
  pageSize?: number;
}
