// Fails if the whole library, minified and gzipped, is larger than it promises to be.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const MAX_BYTES = 6000;
const size = gzipSync(readFileSync("dist/rowferry.min.js"), { level: 9 }).length;
console.log(`${size} of ${MAX_BYTES} bytes`);
if (size > MAX_BYTES) process.exit(1);
