// One minified file of everything, for pages without a bundler.
import { build } from "esbuild";

await build({
  entryPoints: ["dist/index.js"],
  outfile: "dist/rowferry.min.js",
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
});
