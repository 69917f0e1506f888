// node driver.mjs CHROMIUM: one Chromium, driven by JSON lines on stdin, answered by JSON lines.
// {"open": {…context options}} gives {"value": page number}; {"page": n, "call": "click", "with": […]} calls a
// method of that Playwright page; "evaluate" and "until" take an expression, "audit" runs axe, "heap" collects
// garbage and measures, "problems" gives what the console complained about, "processes" and
// "renderers" the ids of all processes and of those of pages, "close" closes the page.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const flags = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
];
const browser = await chromium.launch({ executablePath: process.argv[2], headless: true, args: flags });
const pages = [];

const own = {
  evaluate,
  until: (page, condition) =>
    evaluate(page, `new Promise((done) => {
      const look = () => (${condition}) ? done() : setTimeout(look, 20);
      look();
    })`),
  async audit(page) {
    await evaluate(page, `${axe}; 0`);
    const violations = await evaluate(page, "axe.run().then(({ violations }) => violations)");
    return violations.map(({ id, help, nodes }) => ({
      id, help, nodes: nodes.map((node) => `${node.html}: ${node.failureSummary}`),
    }));
  },
  async heap({ devtools }) {
    await devtools.send("HeapProfiler.collectGarbage");
    const { usedSize, backingStorageSize = 0 } = await devtools.send("Runtime.getHeapUsage");
    return usedSize + backingStorageSize;
  },
  problems: ({ problems }) => problems,
  close: ({ page }) => page.context().close(),
  processes: async () => (await processes()).map(({ id }) => id),
  renderers: async () => (await processes()).filter(({ type }) => type === "renderer").map(({ id }) => id),
};

// By the protocol and not Playwright's evaluate, which a page's policy against eval stops.
async function evaluate({ devtools }, expression) {
  const asked = { expression, awaitPromise: true, returnByValue: true };
  const { result, exceptionDetails } = await devtools.send("Runtime.evaluate", asked);
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  return result.value;
}

async function processes() {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  return processInfo;
}

async function open(options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const problems = [];
  page.on("pageerror", (error) => problems.push(String(error)));
  page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
  pages.push({ page, problems, devtools: await context.newCDPSession(page) });
  return pages.length - 1;
}

async function obey({ open: options, page: number, call, with: values = [] }) {
  if (options) return open(options);
  if (call in own) return own[call](pages[number], ...values);
  const value = await pages[number].page[call](...values);
  return typeof value === "object" ? null : value;
}

for await (const line of createInterface({ input: process.stdin })) {
  try {
    console.log(JSON.stringify({ value: (await obey(JSON.parse(line))) ?? null }));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error.stack ?? error) }));
  }
}
await browser.close();
