/**
 * Points `@kubernetes/client-node`'s imports of `undici` at our shim, at build time and, through
 * client-node-preload.ts, in tests. A rewrite of the source, since Bun resolves the name `undici` before any plugin.
 */
import { join } from "node:path";
import type { BunPlugin } from "bun";

const SHIM = join(import.meta.dir, "..", "cli", "cluster", "undici-shim.ts");

export const clientNodePlugin: BunPlugin = {
  name: "client-node-on-bun-fetch",
  setup: (build) => {
    build.onLoad({ filter: /[/\\]@kubernetes[/\\]client-node[/\\]dist[/\\].*\.js$/ }, async ({ path }) => {
      const source = await Bun.file(path).text();
      return { contents: source.replaceAll("from 'undici'", `from ${JSON.stringify(SHIM)}`), loader: "js" };
    });
  },
};
