import { expect, test } from "bun:test";
import { imageArchive, type ImageSpec } from "../../../../cli/image/oci.ts";
import { asArray, asString, at } from "../../../../core/parse.ts";
import { concat, readTar } from "./read-tar.ts";

const IMAGE: ImageSpec = {
  reference: "example.test/team/tool:1-abc",
  architecture: "arm64",
  entrypoint: ["/tool"],
  labels: { a: "b" },
  files: [{ kind: "file", path: "tool", mode: 0o755, content: [new TextEncoder().encode("#!")] }],
};

function files(image: ImageSpec): ReadonlyMap<string, Uint8Array> {
  return new Map(readTar(concat(imageArchive(image))).map(({ path, content }) => [path, content]));
}

function json(content: Uint8Array | undefined): unknown {
  return JSON.parse(new TextDecoder().decode(content)) as unknown;
}

test("imageArchive() leads from the index over manifest and config to the layer, each under its own digest", () => {
  const found = files(IMAGE);
  const blob = (digest: unknown): Uint8Array => {
    const content = found.get(`blobs/${asString(digest)?.replace(":", "/")}`) ?? new Uint8Array();
    expect(`sha256:${new Bun.CryptoHasher("sha256").update(content).digest("hex")}`).toBe(asString(digest) ?? "");
    return content;
  };
  expect(json(found.get("oci-layout"))).toEqual({ imageLayoutVersion: "1.0.0" });
  const [descriptor] = asArray(at(json(found.get("index.json")), "manifests"));
  expect(at(descriptor, "annotations", "io.containerd.image.name")).toBe(IMAGE.reference);
  expect(at(descriptor, "platform")).toEqual({ architecture: "arm64", os: "linux" });
  const manifest = json(blob(at(descriptor, "digest")));
  const config = json(blob(at(manifest, "config", "digest")));
  const layer = blob(at(manifest, "layers", 0, "digest"));
  expect(at(manifest, "layers", 0, "size")).toBe(layer.length);
  expect(at(config, "rootfs", "diff_ids")).toEqual([at(manifest, "layers", 0, "digest")]);
  expect(at(config, "config")).toMatchObject({
    User: "19000:19000",
    Entrypoint: ["/tool"],
    WorkingDir: "/",
    Labels: { a: "b" },
  });
  expect(readTar(layer)).toMatchObject([{ path: "tool", mode: 0o755 }]);
});

test("imageArchive() tells `docker load` the same image", () => {
  const found = files(IMAGE);
  const [image] = asArray(json(found.get("manifest.json")));
  expect(at(image, "RepoTags")).toEqual([IMAGE.reference]);
  const paths = [at(image, "Config"), ...asArray(at(image, "Layers"))];
  expect(paths.every((path) => found.has(asString(path) ?? ""))).toBe(true);
});

test("imageArchive() gives the same bytes for the same image", () => {
  expect(concat(imageArchive(IMAGE))).toEqual(concat(imageArchive(structuredClone(IMAGE))));
});
