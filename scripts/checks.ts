/** Runs checks and test files one after another and counts what passed; shared by `make check` and `make test`. */
import { mkdirSync } from "node:fs";

export interface Check {
  readonly name: string;
  readonly argv: readonly string[];
}

export interface TestGroup {
  /** Folders and files. */
  readonly paths: readonly string[];
  /** Tests that tell a story on a cluster keep their order; all others must not depend on it. */
  readonly order: "random" | "written";
}

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const TEST_MS_MAX = 120_000;

/** What needs no cluster and no build. */
export const STATIC_CHECKS: readonly Check[] = [
  { name: "format", argv: ["node_modules/.bin/oxfmt", "--check", "."] },
  { name: "lint", argv: ["node_modules/.bin/oxlint", "--type-aware", "--deny-warnings"] },
  { name: "types", argv: ["node_modules/.bin/tsc", "-p", "."] },
  { name: "unused", argv: ["node_modules/.bin/knip", "--no-progress"] },
];

export const UNIT_TESTS: TestGroup = {
  paths: ["tests/unit", "tests/fakes", "tests/chaos", "tests/architecture.test.ts", "tests/tidy.test.ts"],
  order: "random",
};

/**
 * Prints a line per check, then the closing line `N passed, N failed`.
 * True when nothing failed and at least one test ran: a runner that found no test has proved nothing.
 */
export async function runChecks(checks: readonly Check[], groups: readonly TestGroup[]): Promise<boolean> {
  const results: Counts[] = [];
  for (const check of checks) results.push(await runCheck(check));
  let tests = 0;
  for (const group of groups) {
    const counts = await runTests(group);
    tests += counts.passed;
    results.push(counts);
  }
  const sum = (key: keyof Counts): number => results.reduce((total, counts) => total + counts[key], 0);
  if (tests === 0) console.log("no test ran");
  console.log(
    `${sum("passed")} passed, ${sum("failed")} failed${sum("skipped") > 0 ? `, ${sum("skipped")} skipped` : ""}`,
  );
  return sum("failed") === 0 && tests > 0;
}

async function runCheck(check: Check): Promise<Counts> {
  const started = performance.now();
  const ok = (await spawn(check.argv)) === 0;
  console.log(`${ok ? "ok  " : "FAIL"} ${check.name} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
  return { passed: ok ? 1 : 0, failed: ok ? 0 : 1, skipped: 0 };
}

async function runTests({ paths, order }: TestGroup): Promise<Counts> {
  const report = `dist/junit-${process.pid}.xml`;
  // Nothing may have been built yet.
  mkdirSync("dist", { recursive: true });
  const argv = [
    "test",
    ...paths.map((path) => `./${path}`),
    "--timeout",
    String(TEST_MS_MAX),
    "--reporter=junit",
    `--reporter-outfile=${report}`,
  ];
  const code = await spawn([process.execPath, ...argv, ...(order === "random" ? ["--randomize"] : [])]);
  const xml = await Bun.file(report)
    .text()
    .catch(() => "");
  await Bun.file(report)
    .delete()
    .catch(() => undefined);
  const number = (name: string): number => Number(new RegExp(`<testsuites[^>]* ${name}="(\\d+)"`).exec(xml)?.[1] ?? 0);
  const failures = number("failures") + number("errors");
  const skipped = number("skipped");
  // A crash of the runner itself leaves no count; it must not look like a pass.
  return { passed: number("tests") - failures - skipped, failed: code !== 0 && failures === 0 ? 1 : failures, skipped };
}

async function spawn(argv: readonly string[]): Promise<number> {
  const child = Bun.spawn([...argv], { stdin: "ignore", stdout: "inherit", stderr: "inherit" });
  return child.exited;
}
