import type { Endpoint, WebSocketLike } from "./endpoint.js";
import { errorOf, notRowferry } from "./errors.js";

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
      const lost = () => fail(errorOf("UNREACHABLE", `Nothing came for ${silenceSeconds} s.`));
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
  throw notRowferry("A message of another protocol came");
}

function closeError(url: string, code: number, reason: string, cause: unknown): Error {
  const lost = LOST.test(`${code}`) ? "UNREACHABLE" : "CLOSED";
  const message = `${url} is closed (${code}). ${reason}`;
  const context = { close_code: `${code}` };
  return errorOf(code === SHUTTING_DOWN ? "SHUTTING_DOWN" : lost, message, context, { cause });
}
