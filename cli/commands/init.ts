import { define } from "./define.ts";

export const init = define({
  command: "init",
  aliases: ["prep"],
  describe: "Write Dockerfile, chart and azds.yaml for the service in this folder",
  options: {
    port: { type: "number", requiresArg: true, describe: "Port that the service listens on" },
    "enable-ingress": { type: "boolean", describe: "Give the service a URL" },
    chart: { type: "string", requiresArg: true, describe: "Use this chart instead of a new one" },
    name: { type: "string", requiresArg: true, describe: "Name of the service; default: the folder's" },
  },
  examples: [["azds prep --port 8080 --enable-ingress", "Ask nothing"]],
  action: () => import("../actions/init.ts"),
});
