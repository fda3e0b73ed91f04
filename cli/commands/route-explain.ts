import { define } from "./define.ts";

export const routeExplain = define({
  command: "route explain <url>",
  describe: "Show which services and pods a request would reach, and why",
  positionals: {
    url: {
      type: "string",
      demandOption: true,
      describe: "URL from outside, or of a service as a pod writes it: web, http://web.dev:8080/cart",
    },
  },
  options: {
    space: {
      alias: "n",
      type: "string",
      requiresArg: true,
      describe: "Dev space of the caller; default: the selected one",
    },
    header: {
      alias: "H",
      type: "string",
      array: true,
      nargs: 1,
      describe: "Header field of the request, for example azds-route-as:alice; may be repeated",
    },
    live: { type: "boolean", default: false, describe: "Send the request, once, and show what it touched" },
    method: { type: "string", requiresArg: true, default: "GET", describe: "Method of the request" },
  },
  epilogue:
    "The answer comes from the table that a sidecar of the dev space has at this moment, by the rules of docs/routing.md. " +
    "Nothing is sent without --live.",
  examples: [
    ["azds route explain web", "Where a pod of the selected dev space gets with http://web"],
    ["azds route explain web -H azds-route-as:alice", "The same for a request of dev space alice"],
    ["azds route explain http://alice.s.dev.web.azds.localhost/ --live", "What a request really touches"],
  ],
  action: () => import("../actions/route-explain.ts"),
});
