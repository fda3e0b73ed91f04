/**
 * `make bench-feed`: the route feed of a large organisation. The API server, the controllers and every connection are
 * real; the Services have no pods, and the sidecars' feeds run in one process on the node. Fills a one-node test cluster
 * with about 41,000 objects: remove it afterwards.
 */
import { join } from "node:path";
import { COMPONENT, CA_CONFIG_MAP, SYSTEM_NAMESPACE, TOKEN_AUDIENCE } from "../../core/contract.ts";
import { createKubeClient } from "../../core/kube/client.ts";
import { objectPath } from "../../core/kube/paths.ts";
import type { KubeClient } from "../../core/kube/types.ts";
import { asString, at } from "../../core/parse.ts";
import { CLUSTER, enabledCluster } from "../../tests/e2e/support/cluster.ts";
import { adminConnection } from "../connection.ts";
import { quantile } from "../report.ts";
import { controllerPids, cpuSeconds, nodeNetwork, residentMegabytes } from "./processes.ts";
import { startClients, type Clients } from "./start-clients.ts";
import { createWorld, inParallel, range, spaceName, spacesOf, type World } from "./world.ts";

const small = process.argv.includes("--quick");
const WORLD: World = small
  ? { trees: 10, spacesPerTree: 10, servicesPerSpace: 10 }
  : { trees: 50, spacesPerTree: 20, servicesPerSpace: 20 };
const CLIENTS = small ? [100, 200] : [500, 1000, 2500, 5000];
const CHANGES = small ? 10 : 40;
/** Between two changes. */
const PAUSE_MS = 50;
const CONNECT_MS_MAX = 180_000;
const HEARD_MS_MAX = 30_000;
/** Marks a change: no Service of the world has such a port. */
const FIRST_MARKER = 20_000;

const cluster = Bun.spawnSync([process.execPath, "tests/cluster/main.ts", "up", "--state", CLUSTER], {
  cwd: join(import.meta.dir, "../.."),
  stdout: "inherit",
  stderr: "inherit",
});
if (cluster.exitCode !== 0) throw new Error("The test cluster did not start");
const kube = createKubeClient(adminConnection(join(CLUSTER, "kubeconfig")));
await enabledCluster();
console.log(`making ${spacesOf(WORLD).length} spaces with ${WORLD.servicesPerSpace} Services each`);
await createWorld(kube, WORLD);
const tokens = await inParallel(spacesOf(WORLD).map((space) => async () => tokenOf(kube, space)));
const server = await controllerAddress(kube);
const rows = [];
let marker = FIRST_MARKER;
for (const count of CLIENTS) {
  // The first belongs to the first tree, as every 1/trees of them: the tokens are repeated evenly.
  const clients = startClients(nodeNetwork(CLUSTER), {
    ...server,
    tokens: range(count).map((i) => tokens[(i * 7) % tokens.length] ?? ""),
  });
  try {
    const row = await measure(clients, count);
    rows.push(row);
    console.log(JSON.stringify(row));
  } finally {
    clients.stop();
  }
}
const commit = Bun.spawnSync(["git", "describe", "--always", "--dirty"]).stdout.toString().trim();
await Bun.write(
  join(import.meta.dir, "../results/feed.json"),
  `${JSON.stringify({ commit, world: WORLD, changes: CHANGES, rows }, undefined, 2)}\n`,
);

async function measure(clients: Clients, count: number): Promise<object> {
  const pids = controllerPids(CLUSTER);
  const before = cpuSeconds(pids);
  const connecting = performance.now();
  await clients.until(({ totals }) => totals.snapshots >= count, CONNECT_MS_MAX);
  const connected = { seconds: seconds(connecting), cpuSeconds: cpuSeconds(pids) - before };
  const admission = measureAdmission(kube);
  const started = { cpu: cpuSeconds(pids), at: performance.now() };
  const sinceCall: number[] = [];
  const sinceAnswer: number[] = [];
  for (let change = 0; change < CHANGES; change += 1) {
    const { called, answered, last } = await changeService(clients, change % WORLD.trees, count);
    sinceCall.push(last - called);
    sinceAnswer.push(Math.max(0, last - answered));
    await Bun.sleep(PAUSE_MS);
  }
  const busy = seconds(started.at);
  const cpu = cpuSeconds(pids) - started.cpu;
  const admitted = await admission.stop();
  const { totals } = clients.last();
  return {
    clients: count,
    connectSeconds: round(connected.seconds),
    connectCpuSecondsOfControllers: round(connected.cpuSeconds),
    msFromCallToLast: spread(sinceCall),
    msFromAnswerToLast: spread(sinceAnswer),
    snapshotBytes: totals.snapshotBytes,
    bytesPerChange: Math.round(
      totals.changeBytes /
        Math.max(
          1,
          clients.last().seen.reduce((sum, { count: n }) => sum + n, 0),
        ),
    ),
    controllersCpuPercent: round((cpu / busy) * 100),
    controllersMegabytes: pids.map((pid) => Math.round(residentMegabytes(pid))),
    msOfCreateCalls: admitted,
  };
}

interface Heard {
  readonly called: number;
  readonly answered: number;
  readonly last: number;
}

/** One Service of the tree gets another port; until every client of the tree has heard of it. */
async function changeService(clients: Clients, tree: number, count: number): Promise<Heard> {
  marker += 1;
  const mark = marker;
  const expected = range(count).filter(
    (i) => Math.floor(((i * 7) % tokens.length) / WORLD.spacesPerTree) === tree,
  ).length;
  const path = objectPath(
    { apiVersion: "v1", kind: "Service" },
    spaceName(tree, 1),
    `svc-${mark % WORLD.servicesPerSpace}`,
  );
  const called = wallClock();
  await kube.request({
    method: "PATCH",
    path,
    contentType: "application/json-patch+json",
    body: [{ op: "replace", path: "/spec/ports/0/port", value: mark }],
  });
  const answered = wallClock();
  if (expected === 0) return { called, answered, last: answered };
  const report = await clients.until(
    ({ seen }) => (seen.find((one) => one.marker === mark)?.count ?? 0) >= expected,
    HEARD_MS_MAX,
  );
  return { called, answered, last: report.seen.find((one) => one.marker === mark)?.last ?? Number.NaN };
}

/**
 * Pods created as a dry run, in turns in a space and in a plain namespace: the first call contains the webhook's whole
 * admission, the second is what the API server takes without it.
 */
function measureAdmission(client: KubeClient): { readonly stop: () => Promise<object> } {
  const injected: number[] = [];
  const plain: number[] = [];
  const stop = new AbortController();
  const work = (async () => {
    while (!stop.signal.aborted) {
      injected.push(await timeToCreate(client, spaceName(0, 1)));
      plain.push(await timeToCreate(client, "default"));
      await Bun.sleep(PAUSE_MS / 5);
    }
  })();
  return {
    stop: async () => {
      stop.abort();
      await work;
      return { inSpace: spread(injected), plain: spread(plain), count: injected.length };
    },
  };
}

async function timeToCreate(client: KubeClient, namespace: string): Promise<number> {
  const started = performance.now();
  const body = { metadata: { name: "dry" }, spec: { containers: [{ name: "app", image: "app" }] } };
  await client.request({ method: "POST", path: `/api/v1/namespaces/${namespace}/pods?dryRun=All`, body });
  return performance.now() - started;
}

async function tokenOf(client: KubeClient, space: string): Promise<string> {
  const path = `${objectPath({ apiVersion: "v1", kind: "ServiceAccount" }, space, "default")}/token`;
  const body = { spec: { audiences: [TOKEN_AUDIENCE], expirationSeconds: 7200 } };
  return asString(at(await client.request({ method: "POST", path, body }), "status", "token")) ?? "";
}

async function controllerAddress(
  client: KubeClient,
): Promise<{ address: string; port: number; serverName: string; ca: string }> {
  const service = await client.find(
    objectPath({ apiVersion: "v1", kind: "Service" }, SYSTEM_NAMESPACE, COMPONENT.controller),
  );
  const authority = await client.find(
    objectPath({ apiVersion: "v1", kind: "ConfigMap" }, SYSTEM_NAMESPACE, CA_CONFIG_MAP),
  );
  return {
    address: asString(at(service, "spec", "clusterIP")) ?? "",
    port: 443,
    serverName: `${COMPONENT.controller}.${SYSTEM_NAMESPACE}.svc`,
    ca: asString(at(authority, "data", "ca.crt")) ?? "",
  };
}

function spread(values: readonly number[]): object {
  return { p50: round(quantile(values, 0.5)), p99: round(quantile(values, 0.99)), max: round(Math.max(...values)) };
}

function seconds(since: number): number {
  return (performance.now() - since) / 1000;
}

function wallClock(): number {
  return performance.timeOrigin + performance.now();
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
