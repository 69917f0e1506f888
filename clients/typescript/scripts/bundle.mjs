// One minified file of everything, for pages without a bundler.
import { readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";
import { minify } from "terser"; // a few per cent smaller than esbuild's own

// names that modules have for each other: none of the API, of the contract, or of the platform
const INTERNAL =
  /^(skippedRows|subprotocol|heard|opened|progressed|converse|hasTimezone|targetBytes|maxBytes|isFull|lastRow|onRows|concluded|created|leave|sequence|take|finish|session|fields)$/;
const PATH = "dist/rowferry.min.js";
await build({
  entryPoints: ["dist/index.js"],
  outfile: PATH,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
});
const { code } = await minify(readFileSync(PATH, "utf8"), {
  module: true,
  ecma: 2022,
  mangle: { properties: { regex: INTERNAL } },
  compress: { passes: 3, unsafe: true, unsafe_arrows: true }, // unsafe for code that rewrites built-ins
});
writeFileSync(PATH, code);
