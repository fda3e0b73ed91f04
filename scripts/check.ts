/** `make check`: format, lint, types, unused code, and the tests that need no cluster. Every check runs, also after a failed one. */
import { runChecks, type Check } from "./checks.ts";

const CHECKS: readonly Check[] = [
  { name: "format", argv: ["node_modules/.bin/oxfmt", "--check", "."] },
  { name: "lint", argv: ["node_modules/.bin/oxlint", "--type-aware", "--deny-warnings"] },
  { name: "types", argv: ["node_modules/.bin/tsc", "-p", "."] },
  { name: "unused", argv: ["node_modules/.bin/knip", "--no-progress"] },
];

process.exitCode = (await runChecks(CHECKS, ["tests/unit", "tests/architecture.test.ts", "tests/tidy.test.ts"]))
  ? 0
  : 1;
