import assert from "node:assert/strict";
import { test } from "node:test";
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
  for (let attempt = 0; attempt < 40; attempt++) {
    const most = Math.min(10, 0.2 * 2 ** attempt);
    assert.equal(
      jitteredSeconds(attempt, () => 0),
      0,
    );
    assert.equal(
      jitteredSeconds(attempt, () => 1),
      most,
    );
    const some = jitteredSeconds(attempt);
    assert.ok(some >= 0 && some < most);
  }
});
