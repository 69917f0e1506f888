import assert from "node:assert/strict";
import { test } from "node:test";
import { batchMessage, FRAMING_BYTES } from "../../src/batch-message.js";
import { decodedBatch } from "./fake-service.js";

const encoder = new TextEncoder();

test("a decoder of somebody else reads batches of every length and number", () => {
  const numbers = [1, 127, 128, 16_383, 16_384, 2 ** 31, 2 ** 35 + 1, Number.MAX_SAFE_INTEGER];
  for (const length of [0, 1, 60, 127, 128, 16_384, 300_000]) {
    for (const sequence of numbers) {
      const rows = [["x".repeat(length)]];
      const json = encoder.encode(JSON.stringify(rows));
      const message = batchMessage(json, sequence);
      assert.deepEqual(decodedBatch(message), { sequence, rows });
      assert.ok(message.length - json.length <= FRAMING_BYTES);
    }
  }
});

test("the bytes are those of the contract", () => {
  const message = batchMessage(encoder.encode("[[1]]"), 300);
  assert.equal(Buffer.from(message).toString("hex"), "1a055b5b315d5d10ac02");
});
