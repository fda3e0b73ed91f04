import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { markUsed, removeOldVersions } from "./cache.ts";
import { BUILD_LOCK_MS } from "./limits.ts";
import { withLock } from "./lock.ts";
import { inOrder, run } from "./run.ts";
import type { Steps } from "./steps.ts";

const GO_DIR = join(import.meta.dir, "go");
const KUBERNETES = "1.34.4";
const HELM = "v3.19.5";

/** One Go module below `go/` and what it is built into. */
export type Module = {
  readonly dir: string;
  readonly outputs: readonly string[];
  /** `tool`: build the module's tool dependencies; `.`: build the module itself. */
  readonly target: "tool" | ".";
  readonly variables: Readonly<Record<string, string>>;
  /** False for programs that must run in an image without libraries. */
  readonly cgo: boolean;
};

const [major = "", minor = ""] = KUBERNETES.split(".");

/** In build order: the small ones first, so that a broken toolchain shows within seconds. */
const MODULES: readonly Module[] = [
  { dir: "node", outputs: ["node"], target: ".", variables: {}, cgo: false },
  { dir: "coredns", outputs: ["coredns"], target: ".", variables: {}, cgo: false },
  { dir: "buildkit", outputs: ["buildkitd", "buildctl"], target: "tool", variables: {}, cgo: false },
  {
    dir: "helm",
    outputs: ["helm"],
    target: "tool",
    variables: { "helm.sh/helm/v3/internal/version.version": HELM },
    cgo: true,
  },
  {
    dir: "kube",
    outputs: ["kube"],
    target: ".",
    variables: {
      "k8s.io/component-base/version.gitVersion": `v${KUBERNETES}`,
      "k8s.io/component-base/version.gitMajor": major,
      "k8s.io/component-base/version.gitMinor": minor,
      "k8s.io/component-base/version.gitTreeState": "clean",
    },
    cgo: true,
  },
];

/** Built only when something asks for them: nodes with Docker, and benchmarks that compare. */
const EXTRA = {
  dockershim: { dir: "dockershim", outputs: ["dockershim"], target: ".", variables: {}, cgo: false },
  skaffold: {
    dir: "skaffold",
    outputs: ["skaffold"],
    target: "tool",
    variables: { "github.com/GoogleContainerTools/skaffold/v2/pkg/skaffold/version.version": "v2.16.1" },
    cgo: true,
  },
  caddy: { dir: "caddy", outputs: ["caddy"], target: "tool", variables: {}, cgo: true },
  // The exclusions and replacements of its own go.mod are repeated in ours: they count in the main module alone.
  traefik: { dir: "traefik", outputs: ["traefik"], target: "tool", variables: {}, cgo: true },
} as const satisfies Readonly<Record<string, Module>>;

/** Absolute paths of the built programs. */
export type Programs = {
  readonly node: string;
  readonly kube: string;
  readonly coredns: string;
  readonly helm: string;
  readonly buildkitd: string;
  readonly buildctl: string;
};

/** Those that images are made of. */
export type ImagePrograms = Pick<Programs, "node" | "coredns" | "buildkitd" | "buildctl">;

/** Builds what the cache does not hold yet and gives the programs' paths. A cold build takes about nine minutes on two cores. */
export async function buildPrograms(cacheDir: string, steps: Steps): Promise<Programs> {
  const goVersion = await toolchainVersion();
  await inOrder(MODULES, (module) => buildModule(module, moduleDir(cacheDir, module, goVersion), steps));
  const path = (name: string): string => {
    const module = MODULES.find(({ outputs }) => outputs.includes(name));
    if (module === undefined) throw new Error(`No module builds \`${name}\``);
    return join(moduleDir(cacheDir, module, goVersion), name);
  };
  return {
    node: path("node"),
    kube: path("kube"),
    coredns: path("coredns"),
    helm: path("helm"),
    buildkitd: path("buildkitd"),
    buildctl: path("buildctl"),
  };
}

/** The path of such a program, built when the cache does not hold it yet: some minutes of a core. */
export async function buildExtra(name: keyof typeof EXTRA, cacheDir: string, steps: Steps): Promise<string> {
  const module: Module = EXTRA[name];
  const dir = moduleDir(cacheDir, module, await toolchainVersion());
  await buildModule(module, dir, steps);
  return join(dir, name);
}

/** The folder of a module's sources, of the version that such a program is built with; downloaded where it is not there yet. */
export async function moduleSources(name: keyof typeof EXTRA, path: string): Promise<string> {
  const cwd = join(GO_DIR, EXTRA[name].dir);
  const { Dir } = JSON.parse(await run(["go", "mod", "download", "-json", path], { cwd })) as { readonly Dir: string };
  return Dir;
}

async function toolchainVersion(): Promise<string> {
  if (Bun.which("go") === null)
    throw new Error("Go is not installed, or not in PATH: the test cluster's programs are built with it");
  return (await run(["go", "env", "GOVERSION"])).trim();
}

function moduleDir(cacheDir: string, module: Module, goVersion: string): string {
  return join(cacheDir, "programs", `${module.dir}-${moduleKey(module, goVersion)}`);
}

function moduleKey(module: Module, goVersion: string): string {
  const hash = createHash("sha256").update(JSON.stringify([module, goVersion]));
  const dir = join(GO_DIR, module.dir);
  for (const file of readdirSync(dir).toSorted()) hash.update(file).update(readFileSync(join(dir, file)));
  return hash.digest("hex").slice(0, 12);
}

function linkerFlags(module: Module): string {
  const variables = Object.entries(module.variables).map(([name, value]) => `-X ${name}=${value}`);
  return ["-s", "-w", ...variables].join(" ");
}

/** The folder appears complete or not at all, and one builder at a time makes it. */
async function buildModule(module: Module, dir: string, steps: Steps): Promise<void> {
  if (existsSync(dir)) {
    markUsed(dir);
    return;
  }
  const onWait = (): void => steps.note(`Another build of ${module.dir} is running: waiting for it`);
  await withLock({ file: `${dir}.lock`, limitMs: BUILD_LOCK_MS, onWait }, async () => {
    if (existsSync(dir)) return;
    const unfinished = `${dir}.tmp`;
    rmSync(unfinished, { recursive: true, force: true });
    mkdirSync(unfinished, { recursive: true });
    // Tools get their own names; a module's own program would get the module's.
    const output = join(unfinished, module.target === "tool" ? "/" : module.dir);
    const environment = module.cgo ? [] : ["env", "CGO_ENABLED=0"];
    await steps.step(`Built ${module.outputs.join(", ")}`, () =>
      run(
        [
          ...environment,
          "go",
          "build",
          "-buildvcs=false",
          "-ldflags",
          linkerFlags(module),
          "-o",
          output,
          module.target,
        ],
        {
          cwd: join(GO_DIR, module.dir),
        },
      ),
    );
    renameSync(unfinished, dir);
    removeOldVersions(dirname(dir), `${module.dir}-`);
  });
}
