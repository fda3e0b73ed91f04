/** Which folder may import which: data first, one check after it. Type-only imports leave no trace at run time and are free. */
import { expect, test } from "bun:test";
import { Glob } from "bun";
import { dirname, join, relative } from "node:path";

/** What each folder or file may import. The longest matching prefix holds. `node:` every built-in, `bun:` Bun's own, `npm:x` one package. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  "core/": ["core/"],
  "core/sync/": ["core/", "node:"],
  "core/wire/": ["core/", "node:"],
  "core/kube/": ["core/", "node:"],
  "core/host/": ["core/", "node:", "bun:"],
  "proxy/": ["proxy/", "core/", "node:", "bun:"],
  "webhook/": ["webhook/", "core/", "proxy/http/", "node:"],
  "controller/": ["controller/", "core/", "node:"],
  "controller/certificates/pki.ts": ["controller/", "core/", "node:", "npm:@peculiar/x509", "npm:reflect-metadata"],
  "builder/": ["builder/", "core/", "node:"],
  "agent/": ["agent/", "core/", "node:", "bun:"],
  "agent/seed/": ["agent/seed/", "core/", "node:"],
  "templates/": ["templates/"],
  // What enabling installs is told by the programs themselves: their rights, settings and paths.
  "templates/control-plane/": [
    "templates/",
    "core/",
    "controller/rules.ts",
    "webhook/settings.ts",
    "webhook/rules.ts",
    "builder/",
    "node:",
  ],
  "cli/main.ts": [
    "cli/run.ts",
    "cli/version.ts",
    "cli/system-host.ts",
    "core/contract.ts",
    "proxy/",
    "webhook/main.ts",
    "controller/main.ts",
    "builder/main.ts",
    "builder/docker/main.ts",
    "agent/",
  ],
  "cli/run.ts": ["cli/", "core/", "node:", "npm:yargs"],
  "cli/host.ts": [],
  "cli/context.ts": [],
  "cli/commands/": ["cli/commands/", "cli/actions/", "core/", "npm:yargs"],
  "cli/actions/": ["cli/", "core/", "templates/", "node:"],
  "cli/engine/": [
    "cli/engine/",
    "cli/cluster/",
    "cli/helm/",
    "cli/project/",
    "cli/spaces/",
    "cli/gateway/",
    "cli/settings/",
    "core/",
    "node:",
  ],
  "cli/engine/pods/": ["cli/engine/pods/", "core/", "node:"],
  "cli/engine/logs/": ["cli/engine/logs/", "cli/engine/pods/", "core/", "node:"],
  "cli/engine/traces/": ["cli/engine/traces/", "cli/engine/pods/", "core/", "node:"],
  "cli/engine/build/": ["cli/engine/build/", "cli/engine/pods/", "cli/project/", "core/", "node:"],
  "cli/engine/reach/": [
    "cli/engine/reach/",
    "cli/engine/logs/",
    "cli/engine/traces/",
    "cli/engine/pods/",
    "cli/gateway/",
    "cli/cluster/",
    "cli/settings/",
    "cli/spaces/",
    "core/",
    "node:",
  ],
  "cli/engine/live/": [
    "cli/engine/live/",
    "cli/engine/build/",
    "cli/engine/pods/",
    "cli/engine/session-store.ts",
    "cli/cluster/",
    "cli/project/",
    "core/",
    "node:",
  ],
  "cli/engine/live/context-watch.ts": ["cli/project/", "core/", "node:", "npm:chokidar"],
  "cli/enable/": [
    "cli/enable/",
    "cli/engine/",
    "cli/cluster/",
    "cli/spaces/",
    "cli/image/",
    "templates/",
    "core/",
    "node:",
  ],
  "cli/explain/": ["cli/explain/", "cli/engine/", "cli/cluster/", "core/", "node:"],
  "cli/cluster/": ["cli/cluster/", "core/", "node:"],
  "cli/cluster/kubeconfig.ts": ["cli/cluster/", "core/", "node:", "npm:@kubernetes/client-node"],
  "cli/cluster/reviews.ts": ["cli/cluster/", "core/", "npm:@kubernetes/client-node"],
  "cli/helm/": ["cli/helm/", "core/", "node:"],
  "cli/image/": ["cli/image/", "core/", "node:"],
  "cli/spaces/": ["cli/spaces/", "cli/cluster/", "cli/settings/", "cli/engine/", "core/", "node:"],
  "cli/settings/": ["cli/settings/", "core/", "node:"],
  "cli/project/": ["cli/project/", "templates/", "core/", "node:", "npm:yaml", "npm:ignore"],
  "cli/gateway/": ["cli/gateway/", "core/", "node:", "npm:http-proxy"],
  "cli/render/": ["cli/render/", "cli/engine/events.ts", "core/", "node:"],
  "cli/render/tui/": ["cli/render/", "cli/engine/events.ts", "core/", "node:", "npm:ink", "npm:react"],
  "cli/": ["cli/", "core/", "node:"],
};

const root = join(import.meta.dir, "..");
const transpilers = { ts: new Bun.Transpiler({ loader: "ts" }), tsx: new Bun.Transpiler({ loader: "tsx" }) };
const rules = Object.entries(MAY_IMPORT).toSorted(([a], [b]) => b.length - a.length);

/** The import as the table names it. `bun` itself counts as a built-in of the runtime. */
function target(file: string, specifier: string): string {
  if (specifier.startsWith(".")) return relative(root, join(root, dirname(file), specifier));
  if (specifier === "bun") return "bun:";
  if (specifier.startsWith("node:") || specifier.startsWith("bun:")) return specifier;
  return `npm:${specifier}`;
}

test("every import is on its folder's list", async () => {
  const violations: string[] = [];
  for await (const file of new Glob("{core,cli,proxy,webhook,controller,builder,agent,templates}/**/*.{ts,tsx}").scan(
    root,
  )) {
    if (file.endsWith(".d.ts")) continue;
    const allowed = rules.find(([prefix]) => file.startsWith(prefix))?.[1] ?? [];
    const transpiler = transpilers[file.endsWith("x") ? "tsx" : "ts"];
    for (const { path } of transpiler.scanImports(await Bun.file(join(root, file)).text())) {
      const to = target(file, path);
      if (!allowed.some((prefix) => to.startsWith(prefix))) violations.push(`${file} imports ${to}`);
    }
  }
  expect(violations).toEqual([]);
});

test("every line of the table names something that exists", async () => {
  const missing: string[] = [];
  for (const prefix of Object.keys(MAY_IMPORT)) {
    const found = await Array.fromAsync(new Glob(prefix.endsWith("/") ? `${prefix}**/*.{ts,tsx}` : prefix).scan(root));
    if (found.length === 0) missing.push(prefix);
  }
  expect(missing).toEqual([]);
});

test("each contract string stands once", async () => {
  const strings = [
    '"azds-route-as"',
    '"azds.io/space"',
    '"azds.io/parent-space"',
    '"azds.io/session"',
    '"devspaces-proxy"',
  ];
  const seen = new Map<string, string[]>(strings.map((text) => [text, []]));
  for await (const file of new Glob("{core,cli,proxy,webhook,controller,builder,agent}/**/*.{ts,tsx}").scan(root)) {
    const text = await Bun.file(join(root, file)).text();
    for (const string of strings) if (text.includes(string)) seen.get(string)?.push(file);
  }
  for (const string of strings) expect(seen.get(string)).toEqual(["core/contract.ts"]);
});
