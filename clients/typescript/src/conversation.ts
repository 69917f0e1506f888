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
  /** Begin to speak; who calls is told already. */
  opened(socket: WebSocketLike): void;
  /** Take a message; whatever but undefined ends the conversation with it. */
  heard(frame: Frame): T | undefined;
  signal: AbortSignal;
}

/** Silence after which a connection counts as lost: three heartbeats (docs/protocol.md). */
const SILENCE_SECONDS = 45;
/** How long a connection may take to come about: some networks swallow what is sent to them. */
const OPENING_SECONDS = 10;
// what happens to connections (RFC 6455 §7.4.1, IANA's registry): anything else is somebody's verdict
const LOST = /^(100[0156]|101[34])$/;
const SHUTTING_DOWN = 1012;

/**
 * Hold one conversation over a WebSocket of its own, closed on every way out.
 *
 * The token goes in the first message: pages are never told why a handshake was refused. Rejects
 * with what `opened` or `heard` throws, the signal's reason, or how the connection ended.
 */
export function converse<T>(endpoint: Endpoint, conversation: Conversation<T>): Promise<T> {
  const { url, subprotocol, signal } = conversation;
  const { token } = endpoint;
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const socket = new endpoint.WebSocket(url, [subprotocol]);
    let silence: ReturnType<typeof setTimeout> | undefined;
    let trouble: unknown;

    const end = (settle: () => void) => {
      clearTimeout(silence);
      signal.removeEventListener("abort", aborted);
      // an error of a socket that nobody listens to would end a Node process
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
      settle();
    };
    const fail = (error: unknown) => end(() => reject(error));
    const aborted = () => fail(signal.reason);
    const listen = (seconds = SILENCE_SECONDS) => {
      clearTimeout(silence);
      const lost = () => fail(errorOf("UNREACHABLE", `${url} is silent for ${seconds} s.`));
      silence = setTimeout(lost, seconds * 1000);
    };
    const guarded = (step: () => void) => {
      try {
        listen();
        step();
      } catch (error) {
        fail(error);
      }
    };

    signal.addEventListener("abort", aborted);
    listen(OPENING_SECONDS);
    socket.onerror = (event) => {
      trouble ??= event?.error ?? event?.message;
    };
    socket.onopen = () =>
      guarded(() => {
        if (token) socket.send(JSON.stringify({ type: "auth", token }));
        conversation.opened(socket);
      });
    socket.onmessage = ({ data }) =>
      guarded(() => {
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
  throw notRowferry("Another message came");
}

function closeError(url: string, code: number, reason: string, cause: unknown): Error {
  const lost = LOST.test(`${code}`) ? "UNREACHABLE" : "CLOSED";
  const message = `${url} is closed (${code}). ${reason}`;
  const context = { close_code: `${code}` };
  return errorOf(code === SHUTTING_DOWN ? "SHUTTING_DOWN" : lost, message, context, { cause });
}
