// node build.mjs: makes dist/ of the page and its worker. The library is bundled from its sources.
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

const here = import.meta.dirname;
await build({
  absWorkingDir: here,
  entryPoints: ["src/page.ts", "src/convert_worker.ts"],
  outdir: "dist",
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  sourcemap: true,
  alias: { "@rowferry/client": join(here, "../src/index.ts") },
});
for (const file of ["index.html", "style.css", "icon.svg"])
  await cp(join(here, file), join(here, "dist", file));
