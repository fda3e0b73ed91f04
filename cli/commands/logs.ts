import { define } from "./define.ts";

export const logs = define({
  command: "logs [services..]",
  describe: "Show the output of services, in order of time",
  positionals: {
    services: { type: "string", array: true, describe: "Services of the dev space; default: the one of this folder" },
  },
  options: {
    follow: { alias: "f", type: "boolean", default: false, describe: "Go on with what comes, also from new pods" },
    all: { type: "boolean", default: false, describe: "Every service of the dev space" },
    since: { type: "string", requiresArg: true, describe: "Only what is newer, for example 90s, 10m or 1h30m" },
    tail: { type: "number", requiresArg: true, describe: "Only the last lines of each container, as many as this" },
    previous: { type: "boolean", default: false, describe: "Of the run before the last restart" },
    space: { alias: "n", type: "string", requiresArg: true, describe: "Dev space to use instead of the selected one" },
  },
  epilogue:
    "Kubernetes keeps standard output and standard error in one log and does not tell which is which: both are shown " +
    "as standard output here. `azds up` tells them apart.",
  examples: [
    ["azds logs -f", "Follow this folder's service"],
    ["azds logs web api --since 10m", "Two services, the last ten minutes"],
  ],
  action: () => import("../actions/logs.ts"),
});
