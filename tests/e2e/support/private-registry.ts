/**
 * A registry that wants user `bob` with password `pass`, at localhost:5000 of a node's builder, where BuildKit speaks
 * plain HTTP. Whatever it is asked for, it has `alpine:3.20` (OCI distribution specification, "Pull").
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inNode, startInNetwork } from "./node.ts";

const PORT = 5000;
const WANTED = `Basic ${Buffer.from("bob:pass").toString("base64")}`;

export async function privateRegistry(node: string): Promise<AsyncDisposable> {
  const folder = mkdtempSync(join(tmpdir(), "registry-"));
  const archive = ["ctr", "--namespace", "k8s.io", "images", "export", "--platform", "linux/amd64"];
  await inNode(node, [...archive, join(folder, "base.tar"), "docker.io/library/alpine:3.20"]);
  await inNode(node, ["tar", "-xf", join(folder, "base.tar"), "-C", folder]);
  const builder = (await inNode(node, ["pgrep", "-f", "^/azds/azds __builder"])).trim();
  const child = await startInNetwork(node, builder, [process.execPath, import.meta.path, folder]);
  return {
    [Symbol.asyncDispose]: async () => {
      // In the node's process namespace it is no child of ours.
      await inNode(node, ["pkill", "-f", `private-registry.ts ${folder}`]);
      await child.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Index {
  readonly manifests: readonly [{ readonly digest: string; readonly mediaType: string }];
}

function serve(folder: string): void {
  const [manifest] = (JSON.parse(readFileSync(join(folder, "index.json"), "utf8")) as Index).manifests;
  Bun.serve({
    port: PORT,
    hostname: "127.0.0.1",
    fetch: (request) => {
      if (request.headers.get("authorization") !== WANTED) {
        return new Response("{}", { status: 401, headers: { "www-authenticate": 'Basic realm="private"' } });
      }
      const groups = /\/(?<kind>manifests|blobs)\/(?<reference>[^/]+)$/.exec(new URL(request.url).pathname)?.groups;
      const reference = groups?.["reference"] ?? "";
      const digest = reference.startsWith("sha256:") ? reference : manifest.digest;
      const file = Bun.file(join(folder, "blobs/sha256", digest.slice("sha256:".length)));
      const type = groups?.["kind"] === "manifests" ? manifest.mediaType : "application/octet-stream";
      return new Response(file, { headers: { "content-type": type, "docker-content-digest": digest } });
    },
  });
  process.stdout.write("listening\n");
}

if (import.meta.main) serve(process.argv[2] ?? "");
