/** A service with 50,000 files: its first `up`, and what following it costs. */
import type { Developer } from "../tests/e2e/support/cluster.ts";
import { idleCost, prepareService } from "./developed.ts";
import { type Served, timeToBytes } from "./in-cluster.ts";
import { startPlainPod } from "./plain-copy.ts";
import type { Measurement } from "./report.ts";
import { manyFiles } from "./saves.ts";

const FILES = 50_000;
const SAVES = 30;
const UNCHANGED = 3;
const IDLE_MS = 20_000;
/** For what follows the start: the first reading of a tree, the garbage of it. */
const CALM_MS = 5000;

export async function treeRows(user: Developer, served: Served): Promise<readonly Measurement[]> {
  await using stack = new AsyncDisposableStack();
  const container = { sync: ["**"] };
  const service = await prepareService(user, { name: served.service, language: "node", container });
  stack.defer(service.remove);
  const tree = manyFiles(FILES, 0);
  tree.write(service.folder);
  const first = await service.azds("up", "-d", "-o", "json");
  const unchanged: number[] = [];
  for (let round = 0; round < UNCHANGED; round += 1) unchanged.push((await service.azds("up", "-d")).seconds);
  const copied = await copiedByTar(served, service.folder);
  const attached = await service.attach();
  stack.defer(attached.detach);
  await Bun.sleep(CALM_MS);
  const idle = await idleCost(attached.process.pid, IDLE_MS);
  const saves: number[] = [];
  for (let round = 1; round <= SAVES; round += 1) {
    const file = manyFiles(1, round);
    saves.push(await timeToBytes(served, file, () => file.write(service.folder)));
    await Bun.sleep(150 + Math.random() * 150);
  }
  const suite = "inner-loop";
  return [
    {
      suite,
      name: "first sync of 50,000 files, exec tar",
      unit: "s",
      values: [syncSeconds(first.output)],
      against: [copied],
    },
    { suite, name: "first up with 50,000 files", unit: "s", values: [first.seconds] },
    { suite, name: "up again with 50,000 files, unchanged", unit: "s", values: unchanged },
    { suite, name: "up again with 50,000 files until saves are followed", unit: "s", values: [attached.seconds] },
    { suite, name: "save to bytes, one file of 50,000", unit: "ms", values: saves },
    { suite, name: "CPU while nothing happens, 50,000 files", unit: "%", values: [idle.cpu] },
    { suite, name: "memory while nothing happens, 50,000 files", unit: "MB", values: [idle.memory] },
  ];
}

async function copiedByTar({ kube }: Served, folder: string): Promise<number> {
  await using stack = new AsyncDisposableStack();
  const plain = await startPlainPod();
  stack.defer(plain.remove);
  const served = { kube, namespace: plain.namespace, service: plain.service };
  return (await timeToBytes(served, manyFiles(FILES, 0), async () => plain.tar(folder, "data"))) / 1000;
}

/** Of the step in which the sources go to the builder. */
function syncSeconds(output: string): number {
  const ms = /"type":"step\.finished","id":"sync"[^\n]*"ms":(?<ms>[\d.]+)/.exec(output)?.groups?.["ms"];
  if (ms === undefined) throw new Error(`No sources were sent:\n${output}`);
  return Number(ms) / 1000;
}
