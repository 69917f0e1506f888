// node serve.mjs [--port 8080] [--http ADDRESS] [--ingest ADDRESS]: serves the built page. It tells the page where
// the service is, and a token from ROWFERRY_TOKEN: a site of your own makes one of minutes for whoever is signed in.
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { parseArgs } from "node:util";

const { values: options } = parseArgs({
  options: {
    port: { type: "string", default: "8080" },
    http: { type: "string", default: "http://127.0.0.1:9091" },
    ingest: { type: "string", default: "ws://127.0.0.1:9092" },
  },
});
const folder = join(import.meta.dirname, "dist");
const session = JSON.stringify({
  http: options.http,
  ingest: options.ingest,
  token: process.env.ROWFERRY_TOKEN,
});
const types = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};
const sources = [options.http, options.http.replace(/^http/, "ws"), options.ingest].join(" ");
const headers = {
  "Content-Security-Policy":
    `default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self'; ` +
    `connect-src 'self' ${sources}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  "Cache-Control": "no-cache",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

const server = createServer(async (request, response) => {
  const [pathname] = request.url.split("?"); // `new URL` throws for some
  if (pathname === "/session.json") {
    response.writeHead(200, {
      ...headers,
      "Content-Type": "application/json",
      "Cache-Control": "no-store",
    });
    return response.end(session);
  }
  const path = join(folder, normalize(pathname === "/" ? "/index.html" : pathname));
  const isFile =
    path.startsWith(folder) &&
    (await stat(path)
      .then((found) => found.isFile())
      .catch(() => false));
  if (!isFile) return response.writeHead(404, headers).end();
  response.writeHead(200, {
    ...headers,
    "Content-Type": types[extname(path)] ?? "application/octet-stream",
  });
  createReadStream(path).pipe(response);
});
server.listen(Number(options.port), "127.0.0.1", () => {
  console.log(`http://127.0.0.1:${server.address().port}/`);
});
