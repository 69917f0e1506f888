import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { connect } from "../../src/index.js";
import { jitteredSeconds } from "../../src/retrying.js";
import { FakeSocket } from "./fake-service.js";

const WHERE = {
  ingest: "wss://x.example/rows",
  http: "https://x.example/tasks/",
  WebSocket: FakeSocket,
};

test("addresses may have a path, with a slash at their end or without", async () => {
  const urls: string[] = [];
  const rowferry = connect({
    ...WHERE,
    WebSocket: class extends FakeSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols);
        urls.push(url);
      }
    },
    fetch: async (url) => {
      urls.push(`${url}`);
      return new Response("{}");
    },
  });
  await rowferry.status("a");
  const leaving = new AbortController();
  const watched = rowferry.subscribe(["a"], { signal: leaving.signal }).next();
  rowferry.openExport({ columns: ["a"], format: "csv", filename: "f" }).catch(() => {});
  leaving.abort();
  await assert.rejects(watched);
  assert.deepEqual(urls, [
    "https://x.example/tasks/v1/exports/a",
    "wss://x.example/tasks/v1/progress",
    "wss://x.example/rows/v1/ingest",
  ]);
});

test("what a connection needs no address for is in none: credentials, a query, a fragment", async () => {
  const urls: string[] = [];
  const { status } = connect({
    ingest: "wss://u:pass@x.example/rows?token=secret#secret",
    http: "https://u:pass@x.example/tasks?token=secret#secret",
    WebSocket: FakeSocket,
    fetch: async (url) => {
      urls.push(`${url}`);
      throw new TypeError("refused");
    },
  });
  await assert.rejects(status("a"), { message: "https://x.example/tasks/ can't be reached." });
  assert.deepEqual(urls, ["https://x.example/tasks/v1/exports/a"]);
});

test("a link is an address, wherever it is relative to", () => {
  const { downloadUrl } = connect(WHERE);
  assert.equal(downloadUrl({ ossUrl: "http://files.example/d/1" }), "http://files.example/d/1");
  assert.equal(downloadUrl({ ossUrl: "/d/1" }), "https://x.example/d/1");
  assert.equal(downloadUrl({ ossUrl: "" }), "");
});

test("what is no address is refused at once", () => {
  assert.throws(() => connect({ ...WHERE, http: "localhost" }), TypeError);
  assert.throws(() => connect({ ...WHERE, ingest: "" }), TypeError);
});

test("delays are jittered in full, double, and stop at ten seconds", () => {
  const draws = mock.method(Math, "random");
  for (let attempt = 0; attempt < 40; attempt++) {
    const most = Math.min(10, 0.2 * 2 ** attempt);
    for (const drawn of [0, 0.5, 1]) {
      draws.mock.mockImplementationOnce(() => drawn);
      assert.equal(jitteredSeconds(attempt), drawn * most);
    }
    const some = jitteredSeconds(attempt);
    assert.ok(some >= 0 && some < most);
  }
  draws.mock.restore();
});
