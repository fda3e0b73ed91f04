import { parseArgs } from "node:util";
import type { RuntimeName } from "./docker.ts";
import type { NodeCount } from "./up.ts";

export const USAGE = `usage: bun tests/cluster/main.ts COMMAND [--state DIR]

  up [--nodes 1|2]      bring up a Kubernetes cluster, or what is missing of it
     [--runtime NAME]   of nodes that it makes: containerd (default) or docker
  down                  remove it, with everything it has on this machine
  status                show its parts
  load-image FILE       load an image archive into every node
  logs [COMPONENT]      print a component's log; without a name, list them
  build                 only build the programs and images

  --state DIR           where the cluster's files are (default: .cluster in the checkout)
`;

export type Options = { readonly stateDir?: string } & (
  | { readonly command: "up"; readonly nodes: NodeCount; readonly runtime: RuntimeName }
  | { readonly command: "down" | "status" | "build" }
  | { readonly command: "load-image"; readonly file: string }
  | { readonly command: "logs"; readonly component: string | undefined }
  | { readonly command: "help"; readonly error?: string }
);

/** Reads the command line. A wrong one becomes `help` with an error. */
export function parseOptions(argv: readonly string[]): Options {
  try {
    return parse(argv);
  } catch (error) {
    return { command: "help", error: error instanceof Error ? error.message : String(error) };
  }
}

function parse(argv: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      nodes: { type: "string" },
      runtime: { type: "string" },
      state: { type: "string" },
      help: { type: "boolean" },
    },
  });
  const [command, argument, ...rest] = positionals;
  if (values.help === true || command === undefined) return { command: "help" };
  if (rest.length > 0) throw new Error(`Unexpected argument \`${rest[0]}\``);
  if (values.nodes !== undefined && command !== "up") throw new Error("`--nodes` belongs to `up`");
  if (values.runtime !== undefined && command !== "up") throw new Error("`--runtime` belongs to `up`");
  const shared = values.state === undefined ? {} : { stateDir: values.state };
  switch (command) {
    case "load-image":
      if (argument === undefined) throw new Error("`load-image` needs the name of an image archive");
      return { ...shared, command, file: argument };
    case "logs":
      return { ...shared, command, component: argument };
    case "up":
    case "down":
    case "status":
    case "build":
      if (argument !== undefined) throw new Error(`\`${command}\` takes no argument`);
      if (command !== "up") return { ...shared, command };
      return { ...shared, command, nodes: nodeCount(values.nodes), runtime: runtimeName(values.runtime) };
    default:
      throw new Error(`Unknown command \`${command}\``);
  }
}

function nodeCount(text: string | undefined): NodeCount {
  if (text === undefined || text === "1") return 1;
  if (text === "2") return 2;
  throw new Error("`--nodes` is 1 or 2");
}

function runtimeName(text: string | undefined): RuntimeName {
  if (text === undefined || text === "containerd") return "containerd";
  if (text === "docker") return "docker";
  throw new Error("`--runtime` is containerd or docker");
}
