import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { imageRecordFile, namespaceFolders } from "../../../builder/folders.ts";
import { createImageStore, type ImageRecord } from "../../../builder/images.ts";

let root = "";
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "images-"));
});
afterEach(() => rm(root, { recursive: true }));

function record(image: string): ImageRecord {
  const config = { entrypoint: [], cmd: [image], workingDir: "/", user: "", env: [] };
  return { image, digest: "sha256:1", config, builtAt: 1 };
}
const NEVER = new AbortController().signal;

describe("createImageStore()", () => {
  test("answers when the last of several images is there", async () => {
    const store = createImageStore();
    const folders = namespaceFolders(root, "dev");
    await store.save(folders, record("a"));
    const waiting = store.wait(folders, ["a", "b"], NEVER);
    await store.save(folders, record("c"));
    await store.save(folders, record("b"));
    expect(Object.keys(await waiting)).toEqual(["a", "b"]);
  });

  test("finds records of an earlier process", async () => {
    const folders = namespaceFolders(root, "dev");
    await createImageStore().save(folders, record("a"));
    expect((await createImageStore().wait(folders, ["a"], NEVER))["a"]?.cmd).toEqual(["a"]);
  });

  test("never answers from another namespace's records", async () => {
    const store = createImageStore();
    await store.save(namespaceFolders(root, "other"), record("a"));
    const cancel = new AbortController();
    const ended = store.wait(namespaceFolders(root, "dev"), ["a"], cancel.signal).catch((error: unknown) => error);
    cancel.abort(new Error("Still waiting"));
    expect(await ended).toEqual(new Error("Still waiting"));
  });

  test("takes a record that cannot be read for none", async () => {
    const folders = namespaceFolders(root, "dev");
    await mkdir(folders.images, { recursive: true });
    await writeFile(imageRecordFile(folders, "a"), "{ half");
    const store = createImageStore();
    const waiting = store.wait(folders, ["a"], NEVER);
    await store.save(folders, record("a"));
    expect(Object.keys(await waiting)).toEqual(["a"]);
  });

  test("answers at once when nothing is asked for", async () => {
    expect(await createImageStore().wait(namespaceFolders(root, "dev"), [], NEVER)).toEqual({});
  });
});
