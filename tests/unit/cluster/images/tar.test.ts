import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { array, assert, asyncProperty, stringMatching } from "fast-check";
import { writeImageArchive } from "../../../cluster/images/archive.ts";
import { completeEntries, folder, link, text, type Entry } from "../../../cluster/images/entry.ts";
import { entryHeader, padding, tarHeader, tarSize } from "../../../cluster/images/tar.ts";

/** Asks tar(1) what an archive holds. */
async function listed(archive: Uint8Array): Promise<string[]> {
  const child = Bun.spawn(["tar", "--list", "--verbose", "--numeric-owner"], { stdin: archive, stdout: "pipe" });
  return (await child.stdout.text()).trimEnd().split("\n");
}

function archiveOf(entries: readonly Entry[]): Uint8Array {
  const members = entries.flatMap((entry) => {
    const content = new TextEncoder().encode(entry.content.kind === "text" ? entry.content.text : "");
    return [tarHeader(entryHeader(entry)), content, padding(content.length)];
  });
  return Buffer.concat([...members, new Uint8Array(1024)]);
}

describe("tarHeader()", () => {
  test("is what tar reads, with mode, owner and link target", async () => {
    const lines = await listed(
      archiveOf([folder("/data", 0o1777, 7), text("/data/a", "hello", 0o600), link("/b", "data/a")]),
    );
    expect(lines[0]).toMatch(/^drwxrwxrwt 7\/7 .* data\/$/);
    expect(lines[1]).toMatch(/^-rw------- 0\/0 +5 .* data\/a$/);
    expect(lines[2]).toMatch(/^lrwxrwxrwx 0\/0 .* b -> data\/a$/);
  });

  test("keeps names and link targets of any length", async () => {
    const part = stringMatching(/^[a-z]{1,120}$/);
    await assert(
      asyncProperty(
        array(part, { minLength: 1, maxLength: 6 }),
        array(part, { minLength: 1, maxLength: 3 }),
        async (path, target) => {
          const [line = ""] = await listed(archiveOf([link(`/${path.join("/")}`, target.join("/"))]));
          expect(line.endsWith(` ${path.join("/")} -> ${target.join("/")}`)).toBe(true);
        },
      ),
      { numRuns: 25 },
    );
  });
});

test("tarSize() is the size of the written archive", () => {
  const entries = [folder("/a"), text("/a/b", "x".repeat(513)), link(`/${"long/".repeat(60)}name`, "y".repeat(150))];
  expect(tarSize(entries)).toBe(archiveOf(entries).length);
});

describe("completeEntries()", () => {
  test("adds parents before children and moves /bin into /usr", () => {
    const paths = completeEntries([text("/bin/sh", "x"), text("/opt/app/run", "y")]).map(({ path }) => path);
    expect(paths).toContain("/usr/bin/sh");
    expect(paths.indexOf("/opt")).toBeLessThan(paths.indexOf("/opt/app"));
    expect(paths.indexOf("/opt/app")).toBeLessThan(paths.indexOf("/opt/app/run"));
    expect(paths).not.toContain("/bin/sh");
  });

  test("takes the later of two entries with one path", () => {
    const entry = completeEntries([text("/f", "first"), text("/f", "second")]).find(({ path }) => path === "/f");
    expect(entry?.content).toEqual({ kind: "text", text: "second" });
  });
});

test("writeImageArchive() names the layer by the digest of its bytes", async () => {
  const dir = mkdtempSync(join(tmpdir(), "azds-archive-"));
  try {
    writeFileSync(join(dir, "program"), "content");
    const archive = join(dir, "image.tar");
    const file: Entry = {
      path: "/program",
      mode: 0o755,
      owner: 0,
      modified: 0,
      content: { kind: "file", source: join(dir, "program"), size: 7 },
    };
    writeImageArchive(archive, {
      tags: ["docker.io/test/a:1", "docker.io/test/a:2"],
      config: { Cmd: ["/program"] },
      entries: [file],
    });
    await Bun.spawn(["tar", "--extract", "--file", archive, "--directory", dir]).exited;
    const [manifest] = JSON.parse(readFileSync(join(dir, "manifest.json"), "utf8")) as {
      Config: string;
      RepoTags: string[];
    }[];
    expect(manifest?.RepoTags).toEqual(["docker.io/test/a:1", "docker.io/test/a:2"]);
    const config = JSON.parse(readFileSync(join(dir, manifest?.Config ?? ""), "utf8")) as {
      rootfs: { diff_ids: string[] };
    };
    const digest = new Bun.CryptoHasher("sha256").update(readFileSync(join(dir, "layer.tar"))).digest("hex");
    expect(config.rootfs.diff_ids).toEqual([`sha256:${digest}`]);
  } finally {
    rmSync(dir, { recursive: true });
  }
});
