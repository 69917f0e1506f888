/** What is needed of a WebSocket: the browser's, Node's (22 and later), or that of the package `ws`. */
export interface WebSocketLike {
  readonly readyState: number;
  readonly bufferedAmount: number;
  // biome-ignore lint/suspicious/noExplicitAny: each implementation has event types of its own
  onopen: ((event: any) => void) | null;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  onmessage: ((event: any) => void) | null;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  onclose: ((event: any) => void) | null;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  onerror: ((event: any) => void) | null;
  send(data: string | Uint8Array<ArrayBuffer>): void;
  close(): void;
}

export type WebSocketClass = new (url: string, protocols: string[]) => WebSocketLike;

export interface ConnectOptions {
  /** Where rows go: `wss://exports.example:9092`. */
  ingest: string;
  /** Where tasks are asked for and watched: `https://exports.example:9091`. */
  http: string;
  token?: string | undefined;
  /** For Node 20, which has none: the class of the package `ws`. The platform's by default. */
  WebSocket?: WebSocketClass | undefined;
  /** The platform's by default. */
  fetch?: typeof globalThis.fetch | undefined;
}

/** Where a service is, and what it is spoken to with. */
export interface Endpoint {
  /** Addresses: the WebSocket of rows, that of progress, and what paths of HTTP are relative to. */
  readonly ingest: string;
  readonly progress: string;
  readonly http: string;
  readonly token: string;
  readonly WebSocket: WebSocketClass;
  readonly fetch: typeof globalThis.fetch;
}

/** Check the addresses; nothing is connected yet. Throws TypeError for what is no address. */
export function endpointOf(options: ConnectOptions): Endpoint {
  const WebSocket = options.WebSocket ?? (globalThis.WebSocket as WebSocketClass | undefined);
  if (!WebSocket) throw new TypeError("There is no WebSocket: pass one.");
  const http = folder(options.http);
  return {
    ingest: `${folder(options.ingest)}v1/ingest`,
    progress: `${http.replace("http", "ws")}v1/progress`,
    http,
    token: options.token ?? "",
    WebSocket,
    // browsers' fetch must not be called as a method of something else
    fetch: options.fetch ?? ((...request) => globalThis.fetch(...request)),
  };
}

/** Give the address with a slash at its end, without what errors and logs must not tell. */
function folder(address: string): string {
  const url = new URL(address);
  url.username = url.password = url.search = url.hash = "";
  return url.href.replace(/\/?$/, "/");
}
