// Prints the records of CSV files as csv-parse reads them.
import { readFileSync } from "node:fs";

import { parse } from "csv-parse/sync";

import { printFiles } from "./lines.js";

await printFiles((lines, path) => {
  const records = parse(readFileSync(path), { skip_empty_lines: false });
  for (const record of records) lines.print(...record);
});
