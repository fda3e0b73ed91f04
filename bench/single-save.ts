/** One small file saved: until its bytes are in the container, until it is served, until a new image serves it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Attached } from "./developed.ts";
import { requireSameBytes, requireSharedClock, type Served, timeToBytes, timeToServed } from "./in-cluster.ts";
import { containerFolder } from "./node-view.ts";
import type { PlainPod } from "./plain-copy.ts";
import type { Measurement } from "./report.ts";
import { manyFiles, type SavedFiles } from "./saves.ts";

/** A service whose folder is followed into its container. */
export interface Followed extends Served {
  readonly folder: string;
}

/** Followed by azds, which tells what its time went into. */
export interface FollowedByUs extends Followed {
  readonly stages: Attached["stages"];
}

/** The plain pod, and the folder that is copied into it. */
export interface Bare {
  readonly served: Served;
  readonly plain: PlainPod;
  readonly folder: string;
}

const ROUNDS = 15;
/** Ours is quick; the slowest 5 % want more values. */
const OURS_IN_ROUND = 12;
const SERVED_IN_ROUND = 3;
const NEW_IMAGES = 5;
const IMAGE_MS_MAX = 90_000;

export async function singleSaveRows(request: {
  readonly ours: FollowedByUs;
  readonly theirs: Followed;
  readonly bare: Bare;
}): Promise<readonly Measurement[]> {
  const { ours, theirs, bare } = request;
  for (const served of [ours, theirs, bare.served]) await requireSharedClock(served);
  const inside = await containerFolder(bare.served, "/app");
  const bytes = { ours: [] as number[], theirs: [] as number[], cp: [] as number[], tar: [] as number[] };
  const floor: number[] = [];
  const page = { ours: [] as number[], theirs: [] as number[] };
  const reload = { ours: [] as number[], theirs: [] as number[] };
  let round = 0;
  const next = (): SavedFiles => manyFiles(1, (round += 1));
  const followed = async (to: Followed): Promise<number> => {
    const file = next();
    await pause();
    return timeToBytes(to, file, () => file.write(to.folder));
  };
  const copied = async (copy: PlainPod["cp"]): Promise<number> => {
    const file = next();
    file.write(bare.folder);
    return timeToBytes(bare.served, file, async () => copy(bare.folder, file.paths[0] ?? ""));
  };
  for (let turn = 0; turn < ROUNDS; turn += 1) {
    for (let save = 0; save < OURS_IN_ROUND; save += 1) bytes.ours.push(await followed(ours));
    await requireSameBytes(ours, ours.folder, manyFiles(1, round).paths);
    bytes.theirs.push(await followed(theirs));
    // First tar, since it makes the folders that the other needs.
    bytes.tar.push(await copied(bare.plain.tar));
    bytes.cp.push(await copied(bare.plain.cp));
    const direct = next();
    floor.push(await timeToBytes(bare.served, direct, () => direct.write(inside)));
    for (let save = 0; save < SERVED_IN_ROUND; save += 1) page.ours.push(await servedPage(ours));
    page.theirs.push(await servedPage(theirs));
    reload.ours.push(await servedVersion(ours));
    reload.theirs.push(await servedVersion(theirs));
  }
  const suite = "inner-loop";
  const toBytes = { suite, unit: "ms", values: bytes.ours } as const;
  return [
    { ...toBytes, name: "save to bytes, one file", target: 10 },
    { ...toBytes, name: "save to bytes, one file, 95 of 100", quantile: 0.95, target: 25 },
    { suite, unit: "ms", name: "save to bytes: of it the measuring itself", values: floor },
    ...Object.entries(ours.stages(1)).map(([stage, values]) => ({
      suite,
      unit: "ms" as const,
      name: `save to bytes: of it stage ${stage}, as azds tells it`,
      values,
    })),
    { ...toBytes, name: "save to bytes, Skaffold", against: bytes.theirs, target: 0.02, bounds: "ratio" },
    { ...toBytes, name: "save to bytes, kubectl cp", against: bytes.cp },
    { ...toBytes, name: "save to bytes, exec tar", against: bytes.tar },
    { suite, unit: "ms", name: "save to served, static file", values: page.ours, against: page.theirs, target: 20 },
    { suite, unit: "ms", name: "save to served, Node with a reloader", values: reload.ours, against: reload.theirs },
  ];
}

export async function newImageRows(request: {
  readonly ours: Followed;
  readonly theirs: Followed;
}): Promise<readonly Measurement[]> {
  const times = { ours: [] as number[], theirs: [] as number[] };
  const save = async (to: Followed, text: string): Promise<number> => {
    const expected = { path: "/image", text, limitMs: IMAGE_MS_MAX };
    const ms = await timeToServed(to, expected, () => writeFileSync(join(to.folder, "image.txt"), text));
    // The old pod goes, and each tool comes to rest.
    await Bun.sleep(4000);
    return ms / 1000;
  };
  for (let round = 1; round <= NEW_IMAGES; round += 1) {
    times.ours.push(await save(request.ours, `image ${round}`));
    times.theirs.push(await save(request.theirs, `image ${round}`));
  }
  const name = "save to served, new image";
  return [{ suite: "inner-loop", name, unit: "s", values: times.ours, against: times.theirs, target: 5 }];
}

async function servedPage(to: Followed): Promise<number> {
  const text = crypto.randomUUID();
  await pause();
  return timeToServed(to, { path: "/static", text }, () => writeFileSync(join(to.folder, "public/page.html"), text));
}

async function servedVersion(to: Followed): Promise<number> {
  const text = crypto.randomUUID();
  await pause();
  const code = `exports.version = "${text}";\n`;
  return timeToServed(to, { path: "/version", text }, () => writeFileSync(join(to.folder, "code/version.js"), code));
}

/** Not always the same, so that nothing falls into step with a clock of what is measured. */
async function pause(): Promise<void> {
  await Bun.sleep(150 + Math.random() * 150);
}
