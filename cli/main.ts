/**
 * The executable's only entry point. It decides which program this process is and loads nothing of the others:
 * each is a dynamic import, so the bundler gives it a chunk of its own.
 */
import { PROGRAM, VERSION } from "../core/contract.ts";

interface Program {
  /** Resolves to the exit code when the program is done. */
  readonly main: (argv: readonly string[]) => Promise<number>;
}

const IN_CLUSTER: Readonly<Record<string, () => Promise<Program>>> = {
  [PROGRAM.webhook]: () => import("../webhook/main.ts"),
  [PROGRAM.controller]: () => import("../controller/main.ts"),
  [PROGRAM.builder]: () => import("../builder/main.ts"),
  [PROGRAM.gateway]: () => import("../proxy/gateway/main.ts"),
  [PROGRAM.proxyInit]: () => import("../proxy/init/main.ts"),
  [PROGRAM.proxy]: () => import("../proxy/sidecar/main.ts"),
  [PROGRAM.proxyWorker]: () => import("../proxy/sidecar/worker.ts"),
  [PROGRAM.proxyReady]: () => import("../proxy/sidecar/ready.ts"),
  [PROGRAM.rules]: () => import("../proxy/rules/main.ts"),
  [PROGRAM.docker]: () => import("../builder/docker/main.ts"),
  [PROGRAM.build]: () => import("../agent/build/main.ts"),
  [PROGRAM.agent]: () => import("../agent/host/main.ts"),
  [PROGRAM.seed]: () => import("../agent/seed/main.ts"),
};

async function start(argv: readonly string[]): Promise<number> {
  const [first = "", ...rest] = argv;
  const load = Object.hasOwn(IN_CLUSTER, first) ? IN_CLUSTER[first] : undefined;
  if (load !== undefined) return (await load()).main(rest);
  if (first === "--version" && rest.length === 0) {
    process.stdout.write(`azds ${VERSION}\n`);
    return 0;
  }
  // http-proxy still calls `url.parse()`; the warning would stand in the middle of a service's output.
  process.noDeprecation = true;
  const [{ main }, { systemHost }] = await Promise.all([import("./run.ts"), import("./system-host.ts")]);
  return main(argv, systemHost());
}

const code = await start(process.argv.slice(2));
// Sockets and watchers may still be open, so the process is ended; a pipe gets all that was written first.
await Promise.all(
  [process.stdout, process.stderr].map((stream) => new Promise<void>((done) => stream.end(() => done()))),
);
process.exit(code);
