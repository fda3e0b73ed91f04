/** `make test`: every check, then the tests that need no cluster, then a real cluster and the tests on it. */
import { runChecks, type Check } from "./checks.ts";

const BUN = process.execPath;
const wasUp =
  (await Bun.spawn([BUN, "tests/cluster/main.ts", "status"], { stdout: "ignore", stderr: "ignore" }).exited) === 0;

const CHECKS: readonly Check[] = [
  { name: "format", argv: ["node_modules/.bin/oxfmt", "--check", "."] },
  { name: "lint", argv: ["node_modules/.bin/oxlint", "--type-aware", "--deny-warnings"] },
  { name: "types", argv: ["node_modules/.bin/tsc", "-p", "."] },
  { name: "unused", argv: ["node_modules/.bin/knip", "--no-progress"] },
  { name: "build", argv: [BUN, "scripts/build.ts"] },
  { name: "cluster", argv: [BUN, "tests/cluster/main.ts", "up", "--nodes", "2"] },
];

const passed = await runChecks(CHECKS, ["tests"]);
// A cluster that somebody works on stays.
if (!wasUp) await Bun.spawn([BUN, "tests/cluster/main.ts", "down"], { stdout: "ignore", stderr: "inherit" }).exited;
process.exitCode = passed ? 0 : 1;
