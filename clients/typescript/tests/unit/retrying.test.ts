import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";
import type { Frame } from "../../src/conversation.js";
import { errorOfDocument } from "../../src/errors.js";
import { retrying } from "../../src/retrying.js";
import type { RetryOptions } from "../../src/types.js";
import { FakeService, type FakeSocket } from "./fake-service.js";

const ROWS = "wss://rows.example:9092/a/v1/ingest";
const HOUR = 3600;

let seconds = 0;

beforeEach(() => {
  mock.restoreAll();
  mock.method(Math, "random", () => 0); // no delay before another connection
  seconds = 1000;
  mock.method(performance, "now", () => seconds * 1000);
});

function begin(options: RetryOptions = {}, url = ROWS) {
  const service = new FakeService();
  const retries = retrying(options);
  const leaving = new AbortController();
  const talk = retries.converse(service.endpoint(), {
    url,
    subprotocol: "rowferry.ingest.v1",
    signal: leaving.signal,
    opened: () => {},
    heard: (frame: Frame) => {
      if (frame.type === "error") throw errorOfDocument(frame.error);
      return frame.type === "result" || undefined;
    },
  });
  talk.catch(() => {}); // awaited by the test, later
  return { service, retries, talk, leaving };
}

function refuse(socket: FakeSocket, code: string, context: object = {}): void {
  socket.say({ type: "error", error: { code, message: "No.", context } });
}

function sendElsewhere(socket: FakeSocket, node_address?: string): void {
  refuse(socket, "WRONG_NODE", { node_address });
}

async function assertEnds(service: FakeService, talk: Promise<unknown>, last: number) {
  (await service.connection(last)).say({ type: "result" });
  await talk;
  assert.equal(service.sockets.length, last);
}

test("who was never answered gives up after ten seconds, or as many as were asked for", async () => {
  for (const [options, most] of [
    [{}, 10],
    [{ connectForSeconds: 3 }, 3],
    [{ connectForSeconds: 0 }, 0],
    [{ connectForSeconds: 400, retryForSeconds: 0 }, 400],
  ] as const) {
    const begun = seconds;
    const { service, talk } = begin(options);
    (await service.attempt(1)).drop();
    if (most) {
      const second = await service.attempt(2);
      seconds = begun + most - 0.1;
      second.drop();
      const third = await service.attempt(3);
      seconds += 0.2;
      third.drop();
    } else seconds += 0.1;
    const context = { close_code: "1006" };
    await assert.rejects(talk, { name: "UnreachableError", message: /rows\.example/, context });
    assert.equal(service.sockets.length, most ? 3 : 1);
  }
});

test("a page that was never answered is reminded of its origin", async () => {
  const page = Object.assign(globalThis, { origin: "https://shop.example" });
  try {
    const { service, talk } = begin({ connectForSeconds: -1 });
    (await service.attempt(1)).drop();
    await assert.rejects(talk, {
      message: /Is https:\/\/shop\.example in allowed_origins\?$/,
    });
  } finally {
    Reflect.deleteProperty(page, "origin");
  }
});

test("who was answered once goes on for two minutes, whatever the answer was", async () => {
  const { service, talk } = begin();
  refuse(await service.connection(1), "SHUTTING_DOWN");
  const second = await service.attempt(2);
  seconds += 119;
  second.drop();
  const third = await service.attempt(3);
  seconds += 2;
  third.drop();
  await assert.rejects(talk, { code: "UNREACHABLE" });
});

test("patience is counted from the first failure, not from what was achieved before it", async () => {
  const { service, talk } = begin();
  const first = await service.connection(1);
  seconds += HOUR; // the service stands still, or the network went away in silence
  first.drop();
  const second = await service.attempt(2);
  seconds += 100;
  second.drop();
  await assertEnds(service, talk, 3);
});

test("what a machine sleeps takes no patience", async () => {
  const { service, talk } = begin({
    onReconnect: () => {
      seconds += HOUR; // the timer of the wait rings late
    },
  });
  for (let number = 1; number <= 3; number++) (await service.attempt(number)).drop();
  await assertEnds(service, talk, 4);
});

test("a connection that stood for a while begins patience anew, one that soon broke does not", async () => {
  for (const [stood, passes] of [
    [11, true],
    [9, false],
  ] as const) {
    const { service, talk } = begin();
    (await service.connection(1)).drop();
    const second = await service.attempt(2);
    seconds += 115;
    second.open();
    seconds += stood;
    second.drop();
    if (passes) await assertEnds(service, talk, 3);
    else await assert.rejects(talk, { code: "UNREACHABLE" });
  }
});

test("a connection that does not come about is given up after ten seconds", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { service, talk } = begin({ connectForSeconds: 0 });
  const socket = await service.attempt(1);
  context.mock.timers.tick(9_999);
  assert.equal(socket.readyState, 0);
  seconds += 10;
  context.mock.timers.tick(1);
  await assert.rejects(talk, { code: "UNREACHABLE", message: /rows\.example.* 10 s/ });
  assert.equal(socket.readyState, 3);
});

test("silence of three heartbeats is a lost connection", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { service, talk } = begin({ retryForSeconds: -1 });
  const socket = await service.connection(1);
  for (let beat = 0; beat < 5; beat++) {
    context.mock.timers.tick(44_000);
    socket.say({ type: "heartbeat" });
  }
  assert.equal(socket.readyState, 1);
  context.mock.timers.tick(45_000);
  assert.equal(socket.readyState, 3);
  await assert.rejects(talk, { code: "UNREACHABLE", message: /45 s/ });
});

test("the node that has the rows is gone to: its host, by the same scheme, port and path", async () => {
  for (const [url, node, there] of [
    [ROWS, "b.example:9090", "wss://b.example:9092/a/v1/ingest"],
    [ROWS, "b.example", "wss://b.example:9092/a/v1/ingest"],
    [ROWS, "[fd00::2]:9090", "wss://[fd00::2]:9092/a/v1/ingest"],
    ["ws://x/v1/ingest", "10.0.0.2:9090", "ws://10.0.0.2/v1/ingest"],
    [ROWS, "", ROWS],
    [ROWS, undefined, ROWS],
    [ROWS, "no host at all", ROWS],
  ] as const) {
    const { service, talk } = begin({}, url);
    sendElsewhere(await service.connection(1), node);
    assert.equal((await service.attempt(2)).url, there);
    await assertEnds(service, talk, 2);
  }
});

test("a node that was gone to is gone to again, unless it can't be reached", async () => {
  const { service, talk } = begin();
  sendElsewhere(await service.connection(1), "b.example:9090");
  const second = await service.connection(2);
  second.drop(1012);
  const third = await service.attempt(3);
  assert.equal(third.url, second.url);
  third.drop();
  const fourth = await service.connection(4);
  assert.equal(fourth.url, ROWS);
  sendElsewhere(fourth, "c.example:9090");
  assert.equal((await service.attempt(5)).url, "wss://c.example:9092/a/v1/ingest");
  await assertEnds(service, talk, 5);
});

test("a signal ends every moment of it, and leaves no timer behind", async (context) => {
  for (const moment of ["opening", "open", "waiting"]) {
    const timers = new Set<unknown>();
    const { setTimeout: set, clearTimeout: clear } = globalThis;
    context.mock.method(globalThis, "setTimeout", (...call: Parameters<typeof set>) => {
      const timer = set(...call);
      timers.add(timer);
      return timer;
    });
    context.mock.method(globalThis, "clearTimeout", (timer: NodeJS.Timeout) => {
      timers.delete(timer);
      clear(timer);
    });
    mock.method(Math, "random", () => 1);
    const { service, talk, leaving } = begin();
    const socket = await service.attempt(1);
    if (moment !== "opening") socket.open();
    if (moment === "waiting") {
      socket.drop();
      await new Promise(setImmediate);
    }
    assert.equal(timers.size, 1, moment);
    const reason = new Error("enough");
    leaving.abort(reason);
    await assert.rejects(talk, reason);
    assert.equal(timers.size, 0, moment);
    assert.equal(service.sockets.length, 1);
    context.mock.restoreAll();
  }
});
