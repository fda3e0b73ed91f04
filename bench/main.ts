/**
 * `make bench`: every suite on the test cluster; prints each row and writes bench/results/latest.json.
 * `bun bench/main.ts NAME…` runs the named suites and writes them to a file of their names.
 */
import { join } from "node:path";
import { createKubeClient } from "../core/kube/client.ts";
import { adminConnection } from "./connection.ts";
import { CLUSTER, enabledCluster } from "../tests/e2e/support/cluster.ts";
import { enable } from "./enable.ts";
import { innerLoop } from "./inner-loop.ts";
import { latency } from "./latency.ts";
import { output } from "./output.ts";
import { pods } from "./pods.ts";
import { printRow, rowOf, writeReport } from "./report.ts";
import { startup } from "./startup.ts";
import { up } from "./up.ts";

const ROOT = join(import.meta.dir, "..");

const SUITES = { startup, output, pods, latency, up, "inner-loop": innerLoop, cluster: enable } as const;

const isSuite = (name: string): name is keyof typeof SUITES => name in SUITES;
const named = process.argv.slice(2);
const unknown = named.filter((name) => !isSuite(name));
if (unknown.length > 0)
  throw new Error(`No suite \`${unknown.join(", ")}\`; there are ${Object.keys(SUITES).join(", ")}`);

const cluster = Bun.spawnSync([process.execPath, "tests/cluster/main.ts", "up", "--state", CLUSTER], {
  cwd: ROOT,
  stdout: "inherit",
  stderr: "inherit",
});
if (cluster.exitCode !== 0) throw new Error("The test cluster did not start");
await enabledCluster();
const kube = createKubeClient(adminConnection(join(CLUSTER, "kubeconfig")));
const rows = [];
for (const suite of named.length === 0 ? Object.keys(SUITES).filter(isSuite) : named.filter(isSuite)) {
  for await (const measurement of await SUITES[suite](kube)) {
    const row = rowOf(measurement);
    printRow(row);
    rows.push(row);
  }
}
await writeReport(named.length === 0 ? "latest" : named.join("-"), rows);
