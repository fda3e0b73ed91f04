import { expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { recordEdits } from "../../../../agent/host/edits.ts";
import { Journal } from "../../../../agent/host/journal.ts";
import { LiveTree } from "../../../../agent/host/live-tree.ts";
import { SYNC_TREE } from "../../../../core/agent-protocol.ts";
import { EDITS_MANIFEST, editsManifest, type Entries, entriesOf } from "../../../../core/edits.ts";
import { receiveTree } from "../../../../core/sync/receive.ts";
import { scanTree } from "../../../../core/sync/scan.ts";
import { sendTree } from "../../../../core/sync/send.ts";
import { memoryPair } from "../../../fakes/memory-stream.ts";
import { type Place, startAgent, withPlace } from "./support.ts";

const IMAGE: Readonly<Record<string, string>> = { "a.js": "built", "gone.js": "built", "old/x.js": "built" };
const NOW: Readonly<Record<string, string>> = { "a.js": "edited", "new/b.js": "new" };

function fill(root: string, files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

/** As `__build` leaves them: from IMAGE to NOW. */
async function leaveEdits({ folder }: Place): Promise<string> {
  const [built, now, edits] = ["built", "now", "edits"].map((name) => join(folder, name)) as [string, string, string];
  fill(built, IMAGE);
  fill(now, NOW);
  symlinkSync("a.js", join(now, "link"));
  mkdirSync(edits);
  const scan = async (root: string): Promise<Entries> => entriesOf(await scanTree(root, { ignore: () => false }));
  const { entries } = editsManifest(await scan(built), await scan(now));
  for (const { path, sha256 } of entries)
    if (sha256 !== undefined) writeFileSync(join(edits, sha256), readFileSync(join(now, path)));
  writeFileSync(join(edits, EDITS_MANIFEST), JSON.stringify(entries));
  return edits;
}

async function start({ folder, target }: Place, edits: string, said: string[] = []): Promise<LiveTree> {
  const tree = new LiveTree({
    target,
    openJournal: (replay) => Journal.open(join(folder, "journal"), replay),
    firstRecord: (journal) => recordEdits(journal, edits, target),
    say: (sentence) => Promise.resolve(void said.push(sentence)),
  });
  await tree.restore();
  return tree;
}

function expectEdited(target: string): void {
  expect(readFileSync(join(target, "a.js"), "utf8")).toBe("edited");
  expect(readFileSync(join(target, "new/b.js"), "utf8")).toBe("new");
  expect(readlinkSync(join(target, "link"))).toBe("a.js");
  expect(existsSync(join(target, "gone.js"))).toBe(false);
  expect(existsSync(join(target, "old"))).toBe(false);
}

test("a new pod starts with the edits, whatever they are, and keeps the image's execute bits", async () => {
  await withPlace(async (place) => {
    const edits = await leaveEdits(place);
    fill(place.target, { ...IMAGE, "made-by-image": "x" });
    chmodSync(join(place.target, "a.js"), 0o755);
    const said: string[] = [];
    await start(place, edits, said);
    expectEdited(place.target);
    expect(statSync(join(place.target, "a.js")).mode & 0o777).toBe(0o755);
    expect(readFileSync(join(place.target, "made-by-image"), "utf8")).toBe("x");
    expect(existsSync(join(place.target, ".azds-sync"))).toBe(false);
    expect(said).toEqual([]);
  });
});

test("a restart of the container keeps later edits, and does not bring the first ones again", async () => {
  await withPlace(async (place) => {
    const edits = await leaveEdits(place);
    fill(place.target, IMAGE);
    const tree = await start(place, edits);
    const root = join(place.folder, "now");
    writeFileSync(join(root, "a.js"), "later");
    rmSync(join(root, "new"), { recursive: true });
    const [near, far] = memoryPair();
    const receiving = receiveTree(far, tree.receiver);
    await sendTree(near, { tree: SYNC_TREE, root, manifest: await scanTree(root, { ignore: () => false }) });
    await receiving;
    rmSync(place.target, { recursive: true });
    mkdirSync(place.target);
    fill(place.target, IMAGE);
    await start(place, edits);
    expect(readFileSync(join(place.target, "a.js"), "utf8")).toBe("later");
    expect(existsSync(join(place.target, "new/b.js"))).toBe(false);
    expect(existsSync(join(place.target, "gone.js"))).toBe(false);
  });
});

test("edits that cannot be read cost themselves, not the start", async () => {
  await withPlace(async (place) => {
    const edits = await leaveEdits(place);
    writeFileSync(join(edits, EDITS_MANIFEST), '[{"path":"../out","kind":"file"}]');
    fill(place.target, IMAGE);
    const said: string[] = [];
    const tree = await start(place, edits, said);
    expect(readFileSync(join(place.target, "a.js"), "utf8")).toBe("built");
    expect(said.join()).toContain("could not be read, so the application starts without");
    expect(tree.keepsContents).toBe(true);
  });
});

test("a content that is missing leaves the journal without a trace of the others", async () => {
  await withPlace(async (place) => {
    const edits = await leaveEdits(place);
    const sha256 = new Bun.CryptoHasher("sha256").update("new").digest("hex");
    rmSync(join(edits, sha256));
    fill(place.target, IMAGE);
    const said: string[] = [];
    await start(place, edits, said);
    expect(said).toHaveLength(1);
    expect(statSync(join(place.folder, "journal")).size).toBe(0);
    expect(readFileSync(join(place.target, "a.js"), "utf8")).toBe("built");
  });
});

test("the application of an agent that is told of edits finds them at its start", async () => {
  await withPlace(async (place) => {
    const edits = await leaveEdits(place);
    fill(place.target, IMAGE);
    const options = { editsFolder: edits, journalFolder: join(place.folder, "journals") };
    const run = async (edited: boolean): Promise<string> => {
      const agent = startAgent({ place, script: `cat ${place.target}/a.js`, edited, options });
      return new Response(agent.stdout).text();
    };
    expect(await run(false)).toBe("built");
    expect(await run(true)).toBe("edited");
  });
});

test("build commands run over edits before the application starts, and only then; one that fails keeps it from nothing", async () => {
  await withPlace(async (place) => {
    const edits = await leaveEdits(place);
    const program = join(place.folder, "program");
    const options = { editsFolder: edits, journalFolder: join(place.folder, "journals") };
    const run = async (edited: boolean, command: string): Promise<string> => {
      rmSync(place.target, { recursive: true, force: true });
      mkdirSync(place.target);
      fill(place.target, IMAGE);
      writeFileSync(program, "image's");
      const buildCommands = [["sh", "-c", command]];
      const agent = startAgent({ place, script: `cat ${program}`, edited, buildCommands, options });
      const [stdout, stderr] = await Promise.all([
        new Response(agent.stdout).text(),
        new Response(agent.stderr).text(),
      ]);
      return `${stdout} ${stderr.trim()}`;
    };
    const build = `printf "made of %s" "$(cat ${place.target}/a.js)" > ${program}`;
    expect(await run(false, build)).toBe("image's ");
    expect(await run(true, build)).toBe("made of edited ");
    // The container started again: its files are the image's, and the journal has the edits.
    expect(await run(true, build)).toBe("made of edited ");
    expect(await run(true, "exit 3")).toBe(
      "image's azds: `sh -c exit 3` ended with exit code 3; the application starts with what the image has beside the files that were edited",
    );
  });
}, 30_000);
