import { homedir } from "node:os";
import { join } from "node:path";
import { buildAll, bringUp } from "./up.ts";
import { removeCluster } from "./down.ts";
import { clusterLayout, type ClusterLayout } from "./layout.ts";
import { CLUSTER_LOCK_MS } from "./limits.ts";
import { loadImage, printLogs, printStatus } from "./inspect.ts";
import { withLock } from "./lock.ts";
import { parseOptions, USAGE, type Options } from "./options.ts";
import { createSteps, type Steps } from "./steps.ts";

const WAITING = "Another `up` or `down` of this cluster is running: waiting for it";

const CHECKOUT = join(import.meta.dir, "../..");

async function main(argv: readonly string[]): Promise<number> {
  const options = parseOptions(argv);
  if (options.command === "help") {
    print(USAGE);
    return options.error === undefined ? 0 : fail(options.error, 2);
  }
  // oxlint-disable-next-line node/no-process-env -- the program's entry
  const cacheRoot = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  const cluster = clusterLayout(options.stateDir ?? join(CHECKOUT, ".cluster"), join(cacheRoot, "azds-test-cluster"));
  try {
    await perform(options, cluster, createSteps(report));
    return 0;
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error), 1);
  }
}

async function perform(
  options: Exclude<Options, { command: "help" }>,
  cluster: ClusterLayout,
  steps: Steps,
): Promise<void> {
  const alone = (task: () => Promise<void>): Promise<void> => {
    const lock = { file: join(cluster.cacheDir, "locks", cluster.id), limitMs: CLUSTER_LOCK_MS };
    return withLock({ ...lock, onWait: () => steps.note(WAITING) }, task);
  };
  switch (options.command) {
    case "up":
      await alone(() => bringUp(cluster, options, steps));
      steps.note(`Cluster up: kubectl --kubeconfig ${cluster.kubeconfig} get nodes`);
      return;
    case "down":
      await alone(() => removeCluster(cluster, steps));
      return;
    case "build":
      await buildAll(cluster, steps);
      return;
    case "status":
      return printStatus(cluster, steps, print);
    case "load-image":
      return loadImage(cluster, options.file, steps);
    case "logs":
      return printLogs(cluster, options.component, print);
  }
}

function report(text: string): void {
  process.stderr.write(text);
}

function print(text: string): void {
  process.stdout.write(text);
}

function fail(message: string, code: number): number {
  report(`error: ${message}\n`);
  return code;
}

// Not only the exit code: after a failure other steps may still be waiting for something.
// oxlint-disable-next-line unicorn/no-process-exit -- the program's entry
process.exit(await main(process.argv.slice(2)));
