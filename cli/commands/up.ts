import { define } from "./define.ts";

export const up = define({
  command: "up [services..]",
  describe: "Build and run the service in the selected dev space, then stay attached",
  positionals: {
    services: { type: "string", array: true, describe: "Folders of the services; default: this folder" },
  },
  options: {
    detach: { alias: "d", type: "boolean", default: false, describe: "Return as soon as the service runs" },
    port: {
      alias: "p",
      type: "string",
      array: true,
      nargs: 1,
      describe: "Ports from the dev space workload to expose locally, as LOCAL:REMOTE; repeatable",
    },
    clean: { type: "boolean", default: false, describe: "Build without cache and pull base images again" },
    "no-rebuild": {
      type: "boolean",
      default: false,
      describe: "While attached, refuse saves that need a new image instead of building it",
    },
    "await-exec": {
      type: "boolean",
      default: false,
      describe: "Do not start the application: its container waits for `azds exec`, as of a debugger",
    },
    timings: { type: "boolean", default: false, describe: "Show for each save how long its stages took" },
    "take-over": { type: "boolean", default: false, describe: "Take the service over from whoever holds it" },
    space: { type: "string", requiresArg: true, describe: "Dev space to use instead of the selected one" },
    "gateway-port": { type: "number", requiresArg: true, describe: "Port of the local gateway for *.azds.localhost" },
    "no-tui": { type: "boolean", default: false, describe: "Plain lines instead of the live view" },
    "disable-http-traces": { type: "boolean", default: false, describe: "Show no line for each request" },
  },
  examples: [
    ["azds up", "Run this folder's service; Ctrl+C detaches"],
    ["azds up -d", "Run it and return"],
    ["azds up -p 9229:9229", "Reach its debugger at localhost:9229"],
  ],
  live: true,
  action: () => import("../actions/up.ts"),
});
