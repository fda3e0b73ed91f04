/**
 * Random work on a folder, synced as a whole or by difference into the agent's live tree, whose container restarts now and
 * then: afterwards both hold the same. `make prove-model` does more of it; AZDS_MODEL_RUNS and AZDS_MODEL_SEED choose.
 */
import { expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { Journal } from "../../../../agent/host/journal.ts";
import { LiveTree } from "../../../../agent/host/live-tree.ts";
import { SYNC_TREE } from "../../../../core/agent-protocol.ts";
import { type Manifest, diffManifests } from "../../../../core/sync/manifest.ts";
import { nativePath } from "../../../../core/sync/native-path.ts";
import { receiveTree } from "../../../../core/sync/receive.ts";
import { scanTree } from "../../../../core/sync/scan.ts";
import { sendChanges } from "../../../../core/sync/send-changes.ts";
import { sendTree } from "../../../../core/sync/send.ts";
import { memoryPair } from "../../../fakes/memory-stream.ts";
import { withFolder } from "./support.ts";

const RUNS = Number(process.env["AZDS_MODEL_RUNS"] ?? (process.env["AZDS_PROVE"] === "model" ? 10_000 : 150));
const SEED = Number(process.env["AZDS_MODEL_SEED"] ?? 20_240_611);

const PATHS = [
  "a",
  "b",
  "a/x",
  "a/y",
  "a/x/deep",
  "b/ü b",
  "b/line\nfeed",
  "a/x/deep/er",
  "ünï",
  " ",
  "caf\udce9",
  "b/\udcff\udcfe",
  "caf\udce9/x",
] as const;
const path = fc.constantFrom(...PATHS);
const text = fc.string({ maxLength: 4 });
const mode = fc.constantFrom(0o644, 0o755, 0o700, 0o600, 0o444, 0o664);

/** Names of any bytes are part of the work. */
function at(root: string, to: string): string | Buffer {
  return nativePath(`${root}/${to}`);
}

type Step = (world: World) => void | Promise<void>;

/** What the file system refuses changes nothing: a folder in the way, nothing there. */
function onFiles(work: (root: string) => void): Step {
  return ({ root }) => {
    try {
      work(root);
    } catch {
      // As above.
    }
  };
}

function describeStep(name: string, given: unknown, step: Step): Step {
  return Object.assign(step, { toString: () => `${name} ${JSON.stringify(given)}` });
}

function named<T>(name: string, values: fc.Arbitrary<T>, make: (value: T) => Step): fc.Arbitrary<Step> {
  return values.map((value) => describeStep(name, value, make(value)));
}

const steps = fc.oneof(
  {
    weight: 4,
    arbitrary: named("write", fc.tuple(path, text), ([to, content]) =>
      onFiles((root) => writeFileSync(at(root, to), content)),
    ),
  },
  {
    weight: 3,
    arbitrary: named("folder", path, (to) => onFiles((root) => mkdirSync(at(root, to), { recursive: true }))),
  },
  named("append", fc.tuple(path, text), ([to, content]) => onFiles((root) => appendFileSync(at(root, to), content))),
  named("truncate", path, (to) => onFiles((root) => truncateSync(at(root, to), 1))),
  named("chmod", fc.tuple(path, mode), ([to, bits]) => onFiles((root) => chmodSync(at(root, to), bits))),
  {
    weight: 2,
    arbitrary: named("rename", fc.tuple(path, path), ([from, to]) =>
      onFiles((root) => renameSync(at(root, from), at(root, to))),
    ),
  },
  {
    weight: 2,
    arbitrary: named("delete", path, (to) => onFiles((root) => rmSync(at(root, to), { recursive: true }))),
  },
  named("link", fc.tuple(path, fc.constantFrom("a", "../..", "nowhere", "x", "caf\udce9")), ([to, target]) =>
    onFiles((root) => {
      rmSync(at(root, to), { recursive: true, force: true });
      symlinkSync(nativePath(target), at(root, to));
    }),
  ),
  named("turn", fc.tuple(path, fc.boolean()), ([to, folder]) =>
    onFiles((root) => {
      rmSync(at(root, to), { recursive: true, force: true });
      if (folder) mkdirSync(at(root, to));
      else writeFileSync(at(root, to), "turned");
    }),
  ),
  { weight: 2, arbitrary: named("sync", fc.boolean(), (whole) => (world) => world.sync(whole)) },
  named(
    "late change",
    fc.tuple(path, text),
    ([to, content]) =>
      (world) =>
        world.syncDuring(() => onFiles((root) => writeFileSync(at(root, to), content))(world)),
  ),
  named("restart", fc.constant(undefined), () => (world) => world.restart()),
  named("application writes", fc.tuple(path, text), ([to, content]) => (world) => {
    world.applicationWrites(to, content);
  }),
);

/** Both sides, and what the sender knows of the receiver. */
class World {
  readonly root: string;
  readonly #folder: string;
  #live!: LiveTree;
  #journal: Journal | undefined;
  #known: { readonly manifest: Manifest; readonly revision: string } | undefined;
  #last: readonly string[] = [];

  constructor(folder: string) {
    this.#folder = folder;
    // So deep that no symlink of the test leads out of its own folder.
    this.root = join(folder, "sender/deep/root");
    for (const name of ["sender/deep/root", "outside", "image/node_modules"])
      mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, "image/node_modules/made"), "kept");
  }

  get #target(): string {
    return join(this.#folder, "target");
  }

  /** The image has what the sender had at first, as after a build. */
  async start(prepared: boolean): Promise<void> {
    if (prepared) {
      for (const folder of ["a", "a/x", "b"]) mkdirSync(join(this.root, folder));
      for (const name of ["a/y", "a/x/deep", "b/ü b"]) writeFileSync(join(this.root, name), name);
      symlinkSync("a", join(this.root, " "));
      cpSync(this.root, join(this.#folder, "image"), { recursive: true, verbatimSymlinks: true });
    }
    await this.restart();
    await this.sync(true);
  }

  /** Lets go of what a process would let go of at its end. */
  close(): void {
    this.#journal?.close();
  }

  async restart(): Promise<void> {
    this.close();
    rmSync(this.#target, { recursive: true, force: true });
    cpSync(join(this.#folder, "image"), this.#target, { recursive: true, verbatimSymlinks: true });
    this.#live = new LiveTree({
      target: this.#target,
      openJournal: (replay) => (this.#journal = Journal.open(join(this.#folder, "journal"), replay, 400)),
      say: (sentence) => Promise.reject(new Error(sentence)),
    });
    await this.#live.restore();
    if (this.#known !== undefined) expect(await listing(this.#target)).toEqual(this.#last);
  }

  async sync(whole: boolean): Promise<void> {
    const manifest = await scan(this.root);
    const revision = await this.#send(manifest, whole);
    this.#known = { manifest, revision };
    this.#last = await listing(this.root);
    expect(await listing(this.#target)).toEqual(this.#last);
    expect(existsSync(join(this.#target, ".azds-sync"))).toBe(false);
    expect(readFileSync(join(this.#target, "node_modules/made"), "utf8")).toBe("kept");
  }

  /** `change` comes between the look at the files and their sending; the next sync puts it right. */
  async syncDuring(change: () => void | Promise<void>): Promise<void> {
    const manifest = await scan(this.root);
    await change();
    await this.#send(manifest, false);
    await this.sync(true);
  }

  applicationWrites(to: string, content: string): void {
    try {
      // A symlink of the sender's may lead anywhere.
      rmSync(at(this.#target, to));
      writeFileSync(at(this.#target, to), content, { flag: "wx" });
    } catch {
      return;
    }
    // Nobody tells the sender; a whole sync sees it, and a restart undoes it.
    this.#known = undefined;
  }

  async #send(manifest: Manifest, whole: boolean): Promise<string> {
    const known = this.#known;
    if (!whole && known !== undefined) {
      const { remove, write } = diffManifests(known.manifest, manifest);
      const [near, far] = memoryPair();
      const receiving = receiveTree(far, this.#live.receiver);
      receiving.catch(() => {});
      const paths = remove.map((entry) => entry.path);
      const changes = { tree: SYNC_TREE, base: known.revision, root: this.root, write, remove: paths };
      const result = await sendChanges(near, changes);
      if (result.kind === "committed") {
        expect(result.failed).toEqual([]);
        return result.revision;
      }
    }
    const [near, far] = memoryPair();
    const receiving = receiveTree(far, this.#live.receiver);
    receiving.catch(() => {});
    const result = await sendTree(near, { tree: SYNC_TREE, root: this.root, manifest });
    expect(result.failed).toEqual([]);
    return result.revision ?? "";
  }
}

function scan(folder: string): Promise<Manifest> {
  return scanTree(folder, { ignore: (name) => name === "node_modules" });
}

async function listing(folder: string): Promise<readonly string[]> {
  const { entries } = await scan(folder);
  return entries.map(({ path: name, kind, mode: bits, sha256, target }) => {
    const shown = kind === "directory" ? bits | 0o700 : bits;
    return [name, kind, shown.toString(8), sha256 ?? target].join(" ");
  });
}

test(
  "the container has what the folder has, after any sequence of work, syncs and restarts",
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.boolean(), fc.array(steps, { minLength: 1, maxLength: 20 }), async (prepared, work) => {
        await withFolder(async (folder) => {
          const world = new World(folder);
          await world.start(prepared);
          for (const step of work) await step(world);
          await world.sync(false);
          await world.restart();
          await world.sync(true);
          world.close();
        });
      }),
      { numRuns: RUNS, seed: SEED },
    );
  },
  Math.max(60_000, RUNS * 1_000),
);
