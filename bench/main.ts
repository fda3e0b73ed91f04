/** `make bench`: every suite on the test cluster; prints each row and writes bench/results/latest.json. */
import { join } from "node:path";
import { createKubeClient } from "../core/kube/client.ts";
import { adminConnection } from "./connection.ts";
import { enabledCluster } from "../tests/e2e/support/cluster.ts";
import { enable } from "./enable.ts";
import { pods } from "./pods.ts";
import { type Measurement, printRow, rowOf, writeReport } from "./report.ts";
import { startup } from "./startup.ts";
import { up } from "./up.ts";

const ROOT = join(import.meta.dir, "..");

const cluster = Bun.spawnSync([process.execPath, "tests/cluster/main.ts", "up"], {
  cwd: ROOT,
  stdout: "inherit",
  stderr: "inherit",
});
if (cluster.exitCode !== 0) throw new Error("The test cluster did not start");
await enabledCluster();
const kube = createKubeClient(adminConnection(join(ROOT, ".cluster/kubeconfig")));
const suites: readonly (() => readonly Measurement[] | Promise<readonly Measurement[]>)[] = [
  startup,
  async () => pods(kube),
  up,
  enable,
];
const rows = [];
for (const suite of suites) {
  for (const measurement of await suite()) {
    const row = rowOf(measurement);
    printRow(row);
    rows.push(row);
  }
}
await writeReport(rows);
