import { expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waysToLoad } from "../../../../cli/image/loading.ts";
import { imageReference } from "../../../../cli/image/reference.ts";
import { VERSION } from "../../../../core/contract.ts";

test("imageReference() follows the content of the executable, not its place", async () => {
  const folder = await mkdtemp(join(tmpdir(), "azds-reference-"));
  await Bun.write(join(folder, "a"), "one");
  await Bun.write(join(folder, "b"), "one");
  await Bun.write(join(folder, "c"), "two");
  const [a, b, c] = await Promise.all(["a", "b", "c"].map((name) => imageReference(join(folder, name))));
  await rm(folder, { recursive: true });
  expect(a).toMatch(new RegExp(`^azds\\.local/azds:${VERSION}-[0-9a-f]{12}$`));
  expect(b).toBe(a ?? "");
  expect(c).not.toBe(a ?? "");
});

test("waysToLoad() gives one line for a context whose tool is known, and all ways for others", () => {
  const ways = (context: string): readonly string[] => waysToLoad("i.tar", "azds.local/azds:1-a", context);
  expect(ways("kind-dev")).toEqual(["kind load image-archive i.tar --name dev"]);
  expect(ways("k3d-dev")).toEqual(["k3d image import i.tar --cluster dev"]);
  expect(ways("minikube")).toEqual(["minikube image load i.tar"]);
  expect(ways("prod").join("\n")).toContain("docker://REGISTRY/azds:1-a");
});
