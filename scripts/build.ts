/** `bun scripts/build.ts`: compiles the product into `dist/azds` and writes its image `dist/azds-image.tar`. */
import { mkdir, rename } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { BunPlugin } from "bun";
import { exportImage } from "../cli/image/export.ts";
import { imageReference } from "../cli/image/reference.ts";
import { clientNodePlugin } from "./client-node-plugin.ts";

const ROOT = dirname(import.meta.dir);

export interface Build {
  readonly entry: string;
  readonly outfile: string;
  /** Where the list of chunks and their inputs goes; tests read it. */
  readonly metafile: string;
}

/** @throws AggregateError with the compiler's messages */
export async function build({ entry, outfile, metafile }: Build): Promise<void> {
  // In a folder of its own: the file's name is the name of its main module in stack traces.
  const partial = join(dirname(outfile), "partial", basename(outfile));
  await mkdir(dirname(partial), { recursive: true });
  const result = await Bun.build({
    entrypoints: [entry],
    root: ROOT,
    target: "bun",
    format: "esm",
    minify: true,
    // Both together: a program starts in milliseconds and loads only its own chunks.
    bytecode: true,
    splitting: true,
    metafile: true,
    define: { "process.env.NODE_ENV": '"production"' },
    plugins: [reactDevtoolsStub, clientNodePlugin],
    // The executable must not obey files of the folder it is started in: a `bunfig.toml` can preload code.
    compile: { outfile: partial, autoloadDotenv: false, autoloadBunfig: false },
  });
  await Bun.write(metafile, JSON.stringify(result.metafile));
  // A running executable cannot be overwritten (ETXTBSY), but it can be replaced.
  await rename(partial, outfile);
}

/** Ink imports this optional package statically, so that leaving it out breaks the program at its start. */
const reactDevtoolsStub: BunPlugin = {
  name: "react-devtools-core",
  setup(builder) {
    builder.onResolve({ filter: /^react-devtools-core$/ }, ({ path }) => ({ path, namespace: "stub" }));
    builder.onLoad({ filter: /.*/, namespace: "stub" }, () => ({
      contents: "export default { initialize() {}, connectToDevTools() {} }",
      loader: "js",
    }));
  },
};

async function main(): Promise<void> {
  const started = performance.now();
  const executable = join(ROOT, "dist/azds");
  const file = join(ROOT, "dist/azds-image.tar");
  await build({ entry: join(ROOT, "cli/main.ts"), outfile: executable, metafile: join(ROOT, "dist/meta.json") });
  const reference = await imageReference(executable);
  await exportImage({ executable, file, reference });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(`dist/azds and dist/azds-image.tar (${reference}) in ${seconds}s\n`);
}

if (import.meta.main) await main();
