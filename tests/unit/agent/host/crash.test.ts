/** The agent is killed while it commits; the container restarts from its image and journal. */
import { expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AGENT_STREAM, SYNC_TREE } from "../../../../core/agent-protocol.ts";
import { systemClock } from "../../../../core/host/clock.ts";
import { scanTree } from "../../../../core/sync/scan.ts";
import { sendChanges } from "../../../../core/sync/send-changes.ts";
import { type SyncResult, sendTree } from "../../../../core/sync/send.ts";
import type { Mux } from "../../../../core/wire/mux.ts";
import { LINGER, type Place, connectAgent, startAgent, withPlace } from "./support.ts";

const FILES = 300;

function writeAll(root: string, generation: number): void {
  mkdirSync(root, { recursive: true });
  for (let index = 0; index < FILES; index += 1)
    writeFileSync(join(root, `f${index}`), `${generation} `.repeat(2_000 + index));
}

/** Which generation each file of the target is; throws for half a file. */
function generations(target: string): readonly number[] {
  return Array.from({ length: FILES }, (_, index) => {
    const text = readFileSync(join(target, `f${index}`), "utf8");
    const generation = Number(text.slice(0, text.indexOf(" ")));
    if (text !== `${generation} `.repeat(2_000 + index)) throw new Error(`\`f${index}\` is not whole`);
    return generation;
  });
}

async function manifestOf(root: string): ReturnType<typeof scanTree> {
  return scanTree(root, { ignore: () => false });
}

async function syncAll(mux: Mux, root: string): Promise<SyncResult> {
  return sendTree(mux.open(AGENT_STREAM.sync), { tree: SYNC_TREE, root, manifest: await manifestOf(root) });
}

/** As the container runtime does: the root is the image's again. */
function resetTarget({ folder, target }: Place): void {
  rmSync(target, { recursive: true });
  cpSync(join(folder, "image"), target, { recursive: true });
}

test("an agent that is killed while it commits leaves whole files, and a restart brings back a commit", async () => {
  await withPlace(async (place) => {
    const { folder, target } = place;
    const root = join(folder, "root");
    writeAll(join(folder, "image"), 0);
    writeAll(root, 0);
    resetTarget(place);
    const script = `cat ${join(target, "f0")} > seen-at-start; ${LINGER}`;
    let answered = 0;
    for (let round = 1; round <= 6; round += 1) {
      const agent = startAgent({ place, script });
      const mux = await connectAgent(place);
      const before = [...new Set(generations(target))];
      expect(before.length).toBe(1);
      // What was answered is never lost; a commit whose answer was cut may have been kept.
      expect([answered, round - 1]).toContain(before[0] ?? -1);
      const { revision = "" } = await syncAll(mux, root);
      const old = (answered = generations(root)[0] ?? -1);
      writeAll(root, round);
      const write = (await manifestOf(root)).entries;
      const stream = mux.open(AGENT_STREAM.sync);
      const sending = sendChanges(stream, { tree: SYNC_TREE, base: revision, root, write, remove: [] }).then(
        () => (answered = round),
        () => undefined,
      );
      await systemClock.sleep(round * 4);
      agent.kill("SIGKILL");
      await Promise.all([agent.exited, sending]);
      const kept = generations(target);
      expect(kept.every((generation) => generation === round || generation === old)).toBe(true);
      if (round % 2 === 0) writeAll(root, answered);
      resetTarget(place);
      await mux.close();
    }
    expect(existsSync(join(target, ".azds-sync"))).toBe(false);
  });
}, 60_000);

test("an application that starts again after a crash of the container sees the synced files from its first moment", async () => {
  await withPlace(async (place) => {
    const { folder, target } = place;
    const root = join(folder, "root");
    for (const at of [root, join(folder, "image")]) {
      mkdirSync(at);
      writeFileSync(join(at, "f"), "image");
    }
    resetTarget(place);
    const script = `cat ${target}/f > seen; ls -A ${target} >> seen; ${LINGER}`;
    const first = startAgent({ place, script });
    const mux = await connectAgent(place);
    const { revision = "" } = await syncAll(mux, root);
    writeFileSync(join(root, "f"), "edited\n");
    writeFileSync(join(root, "new"), "new");
    const write = (await manifestOf(root)).entries;
    await sendChanges(mux.open(AGENT_STREAM.sync), { tree: SYNC_TREE, base: revision, root, write, remove: [] });
    first.kill("SIGKILL");
    await first.exited;
    await mux.close();
    rmSync(join(folder, "seen"));
    resetTarget(place);
    const second = startAgent({ place, script });
    const seen = (): string => readFileSync(join(folder, "seen"), "utf8");
    while (!existsSync(join(folder, "seen")) || !seen().endsWith("new\n")) await systemClock.sleep(5);
    expect(seen()).toBe("edited\nf\nnew\n");
    expect(readdirSync(target).toSorted()).toEqual(["f", "new"]);
    second.kill("SIGTERM");
    await second.exited;
  });
}, 20_000);
