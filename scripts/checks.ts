/** Runs checks and test files one after another and counts what passed; shared by `make check` and `make test`. */

export interface Check {
  readonly name: string;
  readonly argv: readonly string[];
}

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/**
 * Prints a line per check, then the closing line `N passed, N failed`.
 * True when nothing failed and at least one test ran: a runner that found no test has proved nothing.
 */
export async function runChecks(checks: readonly Check[], testPaths: readonly string[]): Promise<boolean> {
  const failedChecks: string[] = [];
  for (const check of checks) {
    const started = performance.now();
    const code = await spawn(check.argv);
    console.log(`${code === 0 ? "ok  " : "FAIL"} ${check.name} (${seconds(started)})`);
    if (code !== 0) failedChecks.push(check.name);
  }
  const tests = await runTests(testPaths);
  const passed = tests.passed + checks.length - failedChecks.length;
  const failed = tests.failed + failedChecks.length;
  if (tests.passed === 0) console.log("no test ran");
  console.log(`${passed} passed, ${failed} failed${tests.skipped > 0 ? `, ${tests.skipped} skipped` : ""}`);
  return failed === 0 && tests.passed > 0;
}

async function runTests(paths: readonly string[]): Promise<Counts> {
  const report = `dist/junit-${process.pid}.xml`;
  const argv = [
    "test",
    ...paths.map((path) => `./${path}`),
    "--randomize",
    "--timeout",
    "120000",
    "--reporter=junit",
    `--reporter-outfile=${report}`,
  ];
  const code = await spawn([process.execPath, ...argv]);
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

function seconds(started: number): string {
  return `${((performance.now() - started) / 1000).toFixed(1)} s`;
}
