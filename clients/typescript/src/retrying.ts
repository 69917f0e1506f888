import { type Conversation, converse } from "./conversation.js";
import type { Endpoint, WebSocketLike } from "./endpoint.js";
import { isPassing, type RowferryError } from "./errors.js";
import type { RetryOptions } from "./types.js";

const CONNECT_FOR_SECONDS = 10;
const RETRY_FOR_SECONDS = 120;
const MAX_DELAY_SECONDS = 10;
const FIRST_DELAY_SECONDS = 0.2;

/**
 * Give the delay before another try: "full jitter", so that clients of a service that was restarted
 * don't come back all at once (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter).
 */
export function jitteredSeconds(attempt: number): number {
  return Math.random() * Math.min(MAX_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** attempt);
}

/** Tries over as many connections as it takes, as long as they get on now and then. */
export interface Retries {
  /** Something was achieved: patience is whole again. */
  progressed(): void;
  /** Hold a conversation; call once. */
  converse<T>(endpoint: Endpoint, conversation: Conversation<T>): Promise<T>;
}

export function retrying(options: RetryOptions): Retries {
  const { onReconnect, connectForSeconds = CONNECT_FOR_SECONDS } = options;
  const { retryForSeconds = RETRY_FOR_SECONDS } = options;
  let attempt = 0;
  let isAnswered = false;
  /** Since when nothing was achieved: since the beginning at first, since a failure later. */
  let stuckSince: number | undefined = secondsNow();

  const progressed = () => {
    attempt = 0;
    stuckSince = undefined;
  };
  /** Wait before another try; throws the error if patience is over. */
  const wait = async (error: RowferryError, signal: AbortSignal): Promise<void> => {
    const now = secondsNow();
    const since = stuckSince ?? now;
    const asked = Number(error.context.retry_after_seconds) || 0;
    const delay = Math.max(asked, jitteredSeconds(attempt++));
    if (now - since + delay > (isAnswered ? retryForSeconds : connectForSeconds)) {
      // a page is never told that it is kept out
      if (!isAnswered && globalThis.origin) error.message += ` Is ${origin} in allowed_origins?`;
      throw error;
    }
    onReconnect?.(error, delay);
    await pause(delay, signal);
    // how long a machine slept or a page was frozen takes no patience
    stuckSince = since + secondsNow() - now - delay;
  };
  return {
    progressed,
    converse: async (endpoint, conversation) => {
      const { url, signal } = conversation;
      for (let address = url; ; ) {
        let openSince = Number.NaN; // it is not open yet
        const opened = (socket: WebSocketLike) => {
          openSince = secondsNow();
          if (!isAnswered) progressed();
          isAnswered = true;
          conversation.opened(socket);
        };
        try {
          return await converse(endpoint, { ...conversation, url: address, opened });
        } catch (error) {
          if (!isPassing(error)) throw error;
          // a connection that stood for a while: this is another outage
          if (secondsNow() - openSince > MAX_DELAY_SECONDS) progressed();
          await wait(error, signal);
          // where it is not reached, a gateway may know the way
          if (!openSince) address = url;
          if (error.code === "WRONG_NODE") address = atNode(url, error.context.node_address ?? "");
        }
      }
    },
  };
}

/** Give the same door of another node, `host:port`: doors have the same port and path on all nodes. */
function atNode(address: string, node: string): string {
  const url = new URL(address);
  const { port } = url;
  url.host = node; // what is no host changes nothing
  url.port = port;
  return url.href;
}

/** By a clock that nobody sets. */
function secondsNow(): number {
  return performance.now() / 1000;
}

function pause(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const aborted = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", aborted);
      resolve();
    }, seconds * 1000);
    if (signal.aborted) aborted();
    else signal.addEventListener("abort", aborted);
  });
}
