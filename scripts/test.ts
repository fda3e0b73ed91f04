/** `make test`: every check, then the executable, then a real cluster of two nodes and the tests on it. */
import { runChecks, STATIC_CHECKS, UNIT_TESTS, type Check, type TestGroup } from "./checks.ts";

const BUN = process.execPath;
const CLUSTER = [BUN, "tests/cluster/main.ts"] as const;

const BUILD_CHECKS: readonly Check[] = [
  { name: "build", argv: [BUN, "scripts/build.ts"] },
  { name: "cluster", argv: [...CLUSTER, "up", "--nodes", "2"] },
];
const GROUPS: readonly TestGroup[] = [
  UNIT_TESTS,
  { paths: ["tests/binary"], order: "random" },
  { paths: ["tests/e2e"], order: "written" },
];

const wasUp = (await Bun.spawn([...CLUSTER, "status"], { stdout: "ignore", stderr: "ignore" }).exited) === 0;
const passed = await runChecks([...STATIC_CHECKS, ...BUILD_CHECKS], GROUPS);
// A cluster that somebody works on stays.
if (!wasUp) await Bun.spawn([...CLUSTER, "down"], { stdout: "ignore", stderr: "inherit" }).exited;
process.exitCode = passed ? 0 : 1;
