/** What page and worker say to each other. */
export type ColumnType = "STRING" | "NUMBER" | "DATE" | "BOOLEAN";
export type OutputFormat = "EXCEL" | "CSV";

/** How the file is read: a label of the Encoding Standard, one character, whether names come first. */
export interface Reading {
  encoding: string;
  delimiter: string;
  hasHeader: boolean;
}

export interface FoundColumn {
  name: string;
  type: ColumnType;
  examples: string[];
}

export interface FirstLook {
  reading: Reading;
  /** The file is no Unicode text; its reader must know what it is. */
  isEncodingGuessed: boolean;
  columns: FoundColumn[];
}

/** Where the service is; the page's own server tells. A token is for minutes and stays out of addresses. */
export interface Session {
  http: string;
  ingest: string;
  token?: string;
}

export interface Order {
  file: File;
  reading: Reading;
  columns: { name: string; type: ColumnType }[];
  format: OutputFormat;
  filename: string;
  session: Session;
}

export type ToWorker =
  | { type: "look"; file: File; wanted: Partial<Reading> }
  | { type: "convert"; order: Order }
  | { type: "cancel" };

/** How far it is. Rows sent may fall back when a connection is lost; rows kept and written don't. */
export interface Standing {
  readBytes: number;
  readRows: number;
  sentRows: number;
  keptRows: number;
  writtenRows: number;
  /** null while rows are still read */
  totalRows: number | null;
  isReconnecting: boolean;
}

export interface Done {
  link: string;
  filename: string;
  rows: number;
  sizeBytes: number;
  /** What of the cells is not in the file as it came: kind, number of cells, first place. */
  fidelity: { kind: string; cells: number; row: number; column: number }[];
}

export interface Failure {
  code: string;
  message: string;
  context: Record<string, string>;
}

export type FromWorker =
  | { type: "looked"; look: FirstLook }
  | { type: "unreadable"; message: string }
  | { type: "standing"; standing: Standing }
  | { type: "done"; done: Done }
  | { type: "failed"; failure: Failure }
  | { type: "cancelled" };
