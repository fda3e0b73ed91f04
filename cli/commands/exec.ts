import { define } from "./define.ts";

export const exec = define({
  command: "exec [service]",
  rest: "COMMAND [ARGS..]",
  describe: "Run a command in the container of a service; its exit code is the command's",
  positionals: {
    service: { type: "string", describe: "A service of the dev space; default: the one of this folder" },
  },
  options: {
    stdin: { alias: "i", type: "boolean", default: false, describe: "Give it this command's standard input" },
    tty: {
      alias: "t",
      type: "boolean",
      default: false,
      describe: "Give it a terminal; with -i keys go to it as they are",
    },
    space: { alias: "n", type: "string", requiresArg: true, describe: "Dev space to use instead of the selected one" },
    container: {
      alias: "c",
      type: "string",
      requiresArg: true,
      describe: "Container of the pod; default: the one azds up builds, else the first",
    },
  },
  epilogue:
    "With -it, Ctrl+C goes to the command. Otherwise it ends azds exec alone: Kubernetes does not end the command in " +
    "the container for that.",
  examples: [
    ["azds exec -it -- sh", "A shell in this folder's service"],
    ["azds exec -i db -- psql < dump.sql", "Feed a command of another service"],
  ],
  action: () => import("../actions/exec.ts"),
});
