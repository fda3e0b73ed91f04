import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { tarPieces, type TarEntry } from "../../../../cli/image/tar.ts";
import { concat, readTar } from "./read-tar.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("tarPieces() is read back with the same paths, modes and contents", () => {
  const path = fc.stringMatching(/^[a-z0-9]{1,20}(?:\/[a-z0-9.]{1,20}){0,3}$/);
  const entry: fc.Arbitrary<TarEntry> = fc.oneof(
    fc.record({ kind: fc.constant("folder" as const), path, mode: fc.constantFrom(0o755, 0o700) }),
    fc.record({
      kind: fc.constant("file" as const),
      path,
      mode: fc.constantFrom(0o644, 0o755),
      content: fc.array(fc.uint8Array({ maxLength: 2000 }), { maxLength: 3 }),
    }),
  );
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 5 }), (entries) => {
      expect(readTar(concat(tarPieces(entries)))).toEqual(
        entries.map((one) => ({
          path: one.kind === "folder" ? `${one.path}/` : one.path,
          mode: one.mode,
          content: one.kind === "folder" ? new Uint8Array() : concat(one.content),
        })),
      );
    }),
  );
});

test("tarPieces() writes what the system's tar understands", async () => {
  const folder = await mkdtemp(join(tmpdir(), "azds-tar-"));
  const file = join(folder, "a.tar");
  const entries: readonly TarEntry[] = [
    { kind: "folder", path: "etc", mode: 0o755 },
    { kind: "file", path: "etc/motd", mode: 0o644, content: [bytes("hello "), bytes("world\n")] },
  ];
  await Bun.write(file, new Blob([...tarPieces(entries)]));
  const list = Bun.spawnSync(["tar", "--list", "--verbose", "--numeric-owner", "--file", file], { env: { TZ: "UTC" } });
  const text = Bun.spawnSync(["tar", "--extract", "--to-stdout", "--file", file, "etc/motd"]);
  await rm(folder, { recursive: true });
  expect(list.stdout.toString()).toMatch(
    /^drwxr-xr-x 0\/0 +0 1970-01-01 00:00 etc\/\n-rw-r--r-- 0\/0 +12 1970-01-01 00:00 etc\/motd\n$/,
  );
  expect(text.stdout.toString()).toBe("hello world\n");
});

test("tarPieces() refuses a path that the form has no room for", () => {
  expect(() => tarPieces([{ kind: "folder", path: "a".repeat(100), mode: 0o755 }])).toThrow(/too long/);
});
