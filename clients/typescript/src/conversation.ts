import type { Endpoint, WebSocketLike } from "./endpoint.js";
import { errorOf, RowferryError, UnreachableError } from "./errors.js";

/** A text message of the service; its fields are the contract's. */
export interface Frame {
  type: string;
  [field: string]: unknown;
}

export interface Conversation<T> {
  url: string;
  subprotocol: string;
  /** Begin to speak. */
  opened(socket: WebSocketLike): void;
  /** Take a message; whatever but undefined ends the conversation with it. */
  heard(frame: Frame): T | undefined;
  signal?: AbortSignal | undefined;
  /** Silence after which the connection counts as lost. */
  silenceSeconds?: number;
}

// RFC 9110 §5.6.2: what a subprotocol, and so a token in one, may be made of
const TOKEN = /^[\w!#$%&'*+\-.^`|~]+$/;
// what happens to connections (RFC 6455 §7.4.1, IANA's registry): anything else is somebody's verdict
const LOST = /^(100[0156]|101[34])$/;
const SHUTTING_DOWN = 1012;

/**
 * Hold one conversation over a WebSocket of its own, closed on every way out.
 *
 * Rejects with what `opened` or `heard` throws, the signal's reason, or how the connection ended.
 */
export function converse<T>(endpoint: Endpoint, conversation: Conversation<T>): Promise<T> {
  const { url, subprotocol, signal, silenceSeconds } = conversation;
  const { token } = endpoint;
  const inHandshake = TOKEN.test(token);
  return new Promise((resolve, reject) => {
    if (signal?.aborted) throw signal.reason;
    const protocols = inHandshake ? [subprotocol, `rowferry.token.${token}`] : [subprotocol];
    const socket = new endpoint.WebSocket(url, protocols);
    let silence: ReturnType<typeof setTimeout> | undefined;
    let trouble: unknown;

    const end = (settle: () => void) => {
      clearTimeout(silence);
      signal?.removeEventListener("abort", aborted);
      // an error of a socket that nobody listens to would end a Node process
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
      settle();
    };
    const fail = (error: unknown) => end(() => reject(error));
    const aborted = () => fail(signal?.reason);
    const listen = () => {
      if (!silenceSeconds) return;
      clearTimeout(silence);
      const lost = () => fail(new UnreachableError(`Nothing came for ${silenceSeconds} seconds.`));
      silence = setTimeout(lost, silenceSeconds * 1000);
    };
    const guarded = (step: () => void) => {
      try {
        step();
      } catch (error) {
        fail(error);
      }
    };

    signal?.addEventListener("abort", aborted);
    listen();
    socket.onerror = (event) => {
      trouble ??= event?.error ?? event?.message;
    };
    socket.onopen = () =>
      guarded(() => {
        if (token && !inHandshake) socket.send(JSON.stringify({ type: "auth", token }));
        conversation.opened(socket);
      });
    socket.onmessage = ({ data }) =>
      guarded(() => {
        listen();
        const outcome = conversation.heard(frameOf(data));
        if (outcome !== undefined) end(() => resolve(outcome));
      });
    socket.onclose = ({ code, reason }) => fail(closeError(url, code, `${reason}`, trouble));
  });
}

function frameOf(data: unknown): Frame {
  try {
    const frame = JSON.parse(data as string);
    if (typeof frame.type === "string") return frame;
  } catch {
    // told below: what answers is something else
  }
  throw notRowferry("What came is no message of this protocol.");
}

/** Give the error for an answer that no Rowferry gives: another try would be answered alike. */
export function notRowferry(message: string, context = {}): UnreachableError {
  return new UnreachableError(
    `${message} Is this the address of a Rowferry service?`,
    context,
    {},
    false,
  );
}

function closeError(url: string, code: number, reason: string, cause: unknown): Error {
  const close_code = `${code}`;
  const { host } = new URL(url);
  if (code === SHUTTING_DOWN) return errorOf("SHUTTING_DOWN", "The service stops.", { close_code });
  if (LOST.test(close_code)) {
    const message = `No connection to ${host}, or it was lost (${code}).`;
    return new UnreachableError(message, { close_code }, { cause });
  }
  return new RowferryError("CLOSED", `${host} closed the connection with ${code}: ${reason}`, {
    close_code,
  });
}
