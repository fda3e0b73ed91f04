/**
 * From a save to the running container: azds in turns with `skaffold dev`, `kubectl cp` and tar through `kubectl exec`,
 * on the same node, with the same program in every container.
 */
import { rmSync } from "node:fs";
import { dirname } from "node:path";
import type { KubeClient } from "../core/kube/types.ts";
import { type Developer, developer, scratchFolder } from "../tests/e2e/support/cluster.ts";
import { type DevelopedService, prepareService, type ServicePlan } from "./developed.ts";
import { manyFilesRows } from "./many-files.ts";
import { type Followed, newImageRows, singleSaveRows } from "./single-save.ts";
import { startPlainPod } from "./plain-copy.ts";
import type { Measurement } from "./report.ts";
import { startSkaffold } from "./skaffold.ts";
import { timeToServed } from "./in-cluster.ts";
import { treeRows } from "./tree.ts";

const SPACE = "bench-inner-loop";
const RESTARTS = 15;
const BETWEEN_RESTARTS_MS = 500;

/** Everything is copied; what reads it at its start is restarted by a reloader in the container. */
const COPIED: ServicePlan = {
  name: "web",
  language: "node",
  container: { command: ["node", "reload.js"], sync: ["**", "!image.txt"] },
};

interface Restarted {
  readonly name: string;
  readonly plan: ServicePlan;
  readonly path: string;
  readonly save: (service: DevelopedService, version: string) => void;
  readonly targetMs: number;
}

const RESTARTED: readonly Restarted[] = [
  {
    name: "Node restarted",
    plan: { name: "web-node", language: "node", container: { iterate: {} } },
    path: "/version",
    save: (service, version) => service.write("code/version.js", `exports.version = "${version}";\n`),
    targetMs: 300,
  },
  {
    name: "Python restarted",
    plan: { name: "web-python", language: "python", container: { iterate: {} } },
    path: "/",
    save: (service, version) => service.write("version.py", `VERSION = "${version}"\n`),
    targetMs: 300,
  },
  {
    name: "Go rebuilt in place",
    plan: {
      name: "web-go",
      language: "go",
      container: { iterate: { buildCommands: [["go", "build", "-o", "server", "."]] } },
    },
    path: "/",
    save: (service, version) => service.write("version.go", `package main\n\nconst version = "${version}"\n`),
    targetMs: 1500,
  },
];

/** Rows as they come: the suite takes some minutes. */
export async function* innerLoop(kube: KubeClient): AsyncGenerator<Measurement> {
  const user = developer();
  await using space = new AsyncDisposableStack();
  space.defer(async () => void (await user.azds(["space", "remove", "-n", SPACE, "-y"])));
  const selected = await user.azds(["space", "select", "-n", SPACE, "-y"]);
  if (selected.code !== 0) throw new Error(selected.stderr);
  yield* besidePeers(user, kube);
  for (const restarted of RESTARTED) yield restartRow(user, kube, restarted);
  yield* await treeRows(user, { kube, namespace: SPACE, service: "web-tree" });
}

async function* besidePeers(user: Developer, kube: KubeClient): AsyncGenerator<Measurement> {
  await using stack = new AsyncDisposableStack();
  const plain = await startPlainPod();
  stack.defer(plain.remove);
  const skaffold = await startSkaffold();
  stack.defer(skaffold.remove);
  const service = await prepareService(user, COPIED);
  stack.defer(service.remove);
  const attached = await service.attach();
  stack.defer(attached.detach);
  const { folder } = service;
  const ours = { kube, namespace: SPACE, service: service.name, folder, stages: attached.stages };
  const theirs: Followed = { kube, ...skaffold };
  const copied = { kube, namespace: plain.namespace, service: plain.service };
  // Not ours: what is copied must not be followed as well.
  const bare = { served: copied, plain, folder: scratchFolder("plain") };
  stack.defer(async () => rmSync(dirname(bare.folder), { recursive: true }));
  yield* await singleSaveRows({ ours, theirs, bare });
  yield* manyFilesRows({ ours, bare });
  yield* await newImageRows({ ours, theirs });
}

async function restartRow(user: Developer, kube: KubeClient, restarted: Restarted): Promise<Measurement> {
  await using stack = new AsyncDisposableStack();
  const service = await prepareService(user, restarted.plan);
  stack.defer(service.remove);
  const attached = await service.attach();
  stack.defer(attached.detach);
  const served = { kube, namespace: SPACE, service: service.name };
  const values: number[] = [];
  for (let round = 1; round <= RESTARTS; round += 1) {
    const expected = { path: restarted.path, text: String(round) };
    values.push(await timeToServed(served, expected, () => restarted.save(service, String(round))));
    await Bun.sleep(BETWEEN_RESTARTS_MS);
  }
  const name = `save to served, ${restarted.name}`;
  return { suite: "inner-loop", name, unit: "ms", values, target: restarted.targetMs };
}
