import { define } from "./define.ts";

export const trace = define({
  command: "trace [services..]",
  describe: "Show the HTTP requests of services as they happen, in and out",
  positionals: {
    services: {
      type: "string",
      array: true,
      describe: "Services whose pods are watched; default: all of the dev space",
    },
  },
  options: {
    service: { type: "string", requiresArg: true, describe: "Only requests to this service" },
    path: { type: "string", requiresArg: true, describe: "Only paths that begin with this" },
    status: { type: "string", requiresArg: true, describe: "Only these answers, for example 404 or 5xx,grpc:error" },
    bodies: { type: "boolean", default: false, describe: "Header fields and the beginning of bodies too" },
    har: { type: "string", requiresArg: true, describe: "Write them into this file too, as an HTTP archive" },
    otlp: { type: "string", requiresArg: true, describe: "Send them to this OpenTelemetry collector (OTLP/HTTP) too" },
    space: { alias: "n", type: "string", requiresArg: true, describe: "Dev space to use instead of the selected one" },
  },
  epilogue:
    "Requests that carry `traceparent` or `x-request-id` share three letters with all that they cause, in every pod. " +
    "Secret fields such as Authorization and Cookie never leave the pod; docs/traces.md says how to add more.",
  examples: [
    ["azds trace", "Every request in the selected dev space"],
    ["azds trace web --status 5xx --bodies", "What went wrong in and around one service"],
    ["azds trace --status grpc:error", "gRPC calls that failed; grpc:UNAVAILABLE: those that ended so"],
  ],
  action: () => import("../actions/trace.ts"),
});
