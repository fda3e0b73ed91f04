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
  const request = {
    session: "azds-abc123",
    image: "web:azds-abc123-1",
    tree: "azds-abc123/0",
    dockerfile: "Dockerfile",
    target: "dev",
    args: { A: "1" },
    clean: false,
  };
  return { image, digest: "sha256:1", config, builtAt: 1, source: { request, version: "v" } };
}

describe("createImageStore()", () => {
  test("finds records of an earlier process, whole", async () => {
    const folders = namespaceFolders(root, "dev");
    await createImageStore().save(folders, record("a"));
    expect(await createImageStore().find(folders, "a")).toEqual(record("a"));
  });

  test("never finds another namespace's records", async () => {
    const store = createImageStore();
    await store.save(namespaceFolders(root, "other"), record("a"));
    expect(await store.find(namespaceFolders(root, "dev"), "a")).toBeUndefined();
  });

  test("takes a record that cannot be read for none", async () => {
    const folders = namespaceFolders(root, "dev");
    await mkdir(folders.images, { recursive: true });
    await writeFile(imageRecordFile(folders, "a"), "{ half");
    expect(await createImageStore().find(folders, "a")).toBeUndefined();
  });

  test("calls listeners after each save until they leave", async () => {
    const store = createImageStore();
    const folders = namespaceFolders(root, "dev");
    let calls = 0;
    const leave = store.onSaved(() => void (calls += 1));
    await Promise.all([store.save(folders, record("a")), store.save(folders, record("a"))]);
    leave();
    await store.save(folders, record("b"));
    expect(calls).toBe(2);
  });
});
