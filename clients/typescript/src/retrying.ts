import { type Conversation, converse } from "./conversation.js";
import type { Endpoint } from "./endpoint.js";
import { isPassing } from "./errors.js";
import type { RetryOptions } from "./types.js";

const RETRY_FOR_SECONDS = 120;
const MAX_DELAY_SECONDS = 10;
const FIRST_DELAY_SECONDS = 0.2;
const CALM_MILLISECONDS = 10_000;

/**
 * Give the delay before another try: "full jitter", so that clients of a service that was restarted
 * don't come back all at once (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter).
 */
export function jitteredSeconds(attempt: number, random: () => number = Math.random): number {
  return random() * Math.min(MAX_DELAY_SECONDS, FIRST_DELAY_SECONDS * 2 ** attempt);
}

/** Patience with connections: another try follows as long as they get on now and then. */
export interface Retries {
  /** Something was achieved: patience is whole again. */
  progressed(): void;
  /** The connection stands, and there is nothing more to achieve than to keep it. */
  calm(): void;
  /** Hold a conversation, over as many connections as it takes. */
  converse<T>(endpoint: Endpoint, conversation: Conversation<T>): Promise<T>;
}

export function retrying(options: RetryOptions): Retries {
  const { signal, onReconnect, retryForSeconds = RETRY_FOR_SECONDS } = options;
  let attempt = 0;
  let progressAt = Date.now();
  let calmSince = 0;

  const progressed = () => {
    attempt = 0;
    progressAt = Date.now();
  };
  /** Wait before another try; throws the error if that would not help, or patience is over. */
  const wait = (error: unknown): Promise<void> => {
    if (!isPassing(error)) throw error;
    if (calmSince && Date.now() - calmSince > CALM_MILLISECONDS) progressed();
    calmSince = 0;
    const asked = Number(error.context.retry_after_seconds) || 0;
    const delaySeconds = Math.max(asked, jitteredSeconds(attempt++));
    if (Date.now() - progressAt + delaySeconds * 1000 > retryForSeconds * 1000) throw error;
    onReconnect?.(error, delaySeconds);
    return pause(delaySeconds * 1000, signal);
  };
  return {
    progressed,
    calm: () => {
      calmSince = Date.now();
    },
    converse: async (endpoint, conversation) => {
      for (;;) {
        try {
          return await converse(endpoint, conversation);
        } catch (error) {
          await wait(error);
        }
      }
    },
  };
}

function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const aborted = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", aborted);
      resolve();
    }, milliseconds);
    if (signal?.aborted) aborted();
    else signal?.addEventListener("abort", aborted, { once: true });
  });
}
