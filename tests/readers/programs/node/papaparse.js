// Prints the records of CSV files as Papa Parse reads them.
import { readFileSync } from "node:fs";

import Papa from "papaparse";

import { printFiles } from "./lines.js";

await printFiles((lines, path) => {
  const { data, errors } = Papa.parse(readFileSync(path, "utf8"), { delimiter: "," });
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  // A last line that ends is followed by no record: the one here is of the reader's making.
  for (const record of data.slice(0, -1)) lines.print(...record);
});
