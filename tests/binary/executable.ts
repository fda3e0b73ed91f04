/** The compiled executable, made when it is missing. `make build` renews it. */
import { join } from "node:path";
import { build } from "../../scripts/build.ts";

const ROOT = join(import.meta.dir, "../..");
export const EXECUTABLE = join(ROOT, "dist/azds");
export const METAFILE = join(ROOT, "dist/meta.json");

export async function ensureBuilt(): Promise<void> {
  if ((await Bun.file(EXECUTABLE).exists()) && (await Bun.file(METAFILE).exists())) return;
  await build({ entry: join(ROOT, "cli/main.ts"), outfile: EXECUTABLE, metafile: METAFILE });
}

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface Surroundings {
  readonly cwd?: string;
  /** The whole environment. */
  readonly env?: Readonly<Record<string, string>>;
}

export async function azds(argv: readonly string[], { cwd = "/", env = {} }: Surroundings = {}): Promise<Outcome> {
  const child = Bun.spawn([EXECUTABLE, ...argv], { cwd, env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, stdout, stderr };
}
