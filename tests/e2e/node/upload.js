// node upload.js ADDRESS BATCHES REQUEST FORMAT BREAK_AFTER: sends a file of bench/frames.py with
// the package `ws`, breaks the connection once after so many batches (0 = never), resumes, and
// prints the result as one JSON line.
"use strict";
const fs = require("node:fs");
const WebSocket = require("ws");

const [address, batchesPath, requestId, format, breakAfter] = process.argv.slice(2);
const { batches, rows } = readBatches(batchesPath);
const columns = JSON.parse(fs.readFileSync(0, "utf8"));
const metadata = { request_id: requestId, format, filename: "orders 订单", columns };
let breakAt = Number(breakAfter);
let taskId = "";
let connections = 0;

connect();

function connect() {
  connections += 1;
  const socket = new WebSocket(`ws://${address}/v1/ingest`, "rowferry.ingest.v1");
  const progress = { next: -1, sent: 0, credit: 0, finished: false };
  socket.on("open", () => {
    const first = taskId ? { type: "resume", task_id: taskId } : { type: "metadata", metadata };
    socket.send(JSON.stringify(first));
  });
  socket.on("message", (text) => answer(socket, progress, JSON.parse(text)));
  socket.on("error", () => {}); // "close" follows
  socket.on("close", (code, reason) => {
    if (code === 1000) return;
    if (code !== 1006 && code !== 1012) fail(`closed with ${code}: ${reason}`);
    setTimeout(connect, 50);
  });
}

function answer(socket, progress, frame) {
  if ("credit_bytes" in frame) progress.credit = frame.credit_bytes;
  if (frame.type === "task_created") {
    taskId = frame.task_id;
    progress.next = frame.next_sequence - 1;
  }
  if (frame.type === "result") {
    console.log(JSON.stringify({ ...frame, connections }));
    return;
  }
  if (progress.next >= 0) send(socket, progress);
}

function send(socket, progress) {
  while (progress.next < batches.length) {
    const batch = batches[progress.next];
    if (progress.sent + batch.length > progress.credit) return;
    if (breakAt && progress.next === breakAt) {
      breakAt = 0;
      socket.terminate();
      return;
    }
    socket.send(batch);
    progress.sent += batch.length;
    progress.next += 1;
  }
  if (!progress.finished) {
    progress.finished = true;
    socket.send(JSON.stringify({ type: "finish", expected_rows: rows }));
  }
}

function readBatches(path) {
  const content = fs.readFileSync(path);
  const found = { batches: [], rows: 0 };
  for (let at = 0; at < content.length; ) {
    const size = content.readUInt32BE(at);
    found.rows += content.readUInt32BE(at + 4);
    found.batches.push(content.subarray(at + 8, at + 8 + size));
    at += 8 + size;
  }
  return found;
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
