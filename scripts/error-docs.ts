/** Writes the table of codes in docs/errors.md from the one in core/errors.ts; tests/tidy.test.ts fails when they differ. */
import { join } from "node:path";
import { ERROR_HINTS } from "../core/errors.ts";

const FILE = join(import.meta.dir, "../docs/errors.md");
const HEADING = "## Codes\n";

export function errorTable(): string {
  const rows = Object.entries(ERROR_HINTS).map(([code, hint]) => `| \`${code}\` | ${hint.replaceAll("|", "\\|")} |`);
  return ["| code | hint |", "|---|---|", ...rows, ""].join("\n");
}

if (import.meta.main) {
  const text = await Bun.file(FILE).text();
  await Bun.write(FILE, `${text.slice(0, text.indexOf(HEADING) + HEADING.length)}\n${errorTable()}`);
}
