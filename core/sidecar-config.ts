/** What the webhook tells `__proxy` and `__proxy-init` in `ENV.sidecar`; the ports and ids that never vary are in contract.ts. */
import { asArray, asNumber, asString, at, expectObject, expectString, member, parseJson } from "./parse.ts";
import { AzdsError } from "./errors.ts";

/** Who writes the redirect: `devspaces-proxy-init` in the pod, or the node, asked by the sidecar. */
export const REDIRECT_FORMS = ["init", "node"] as const;
export type RedirectForm = (typeof REDIRECT_FORMS)[number];

export interface SidecarConfig {
  readonly version: 1;
  /** The pod's space (its namespace). */
  readonly space: string;
  /** Nearest first: parent, grandparent, … as known at admission; the feed corrects it for routing. */
  readonly ancestors: readonly string[];
  /** Address of the controller's Service and the name its certificate carries. */
  readonly controller: { readonly address: string; readonly port: number; readonly serverName: string };
  /** The same for the builder; used for the build tunnel of session pods. */
  readonly builder: { readonly address: string; readonly port: number; readonly serverName: string };
  /** PEM of our certificate authority. */
  readonly ca: string;
  /** Inbound ports that are relayed without a look. */
  readonly opaquePorts: readonly number[];
  /** Names of fields and query parameters whose values traces do not show, beside those that they never show. */
  readonly redact?: readonly string[];
  readonly redirect: RedirectForm;
  /** Ports that the redirect leaves alone. */
  readonly skipInboundPorts: readonly number[];
  readonly skipOutboundPorts: readonly number[];
  /** `/probe/<n>` → the kubelet's probe that it stands for. */
  readonly probes: readonly ProbeSpec[];
  /** Set in session pods: the build tunnel listens. */
  readonly session?: string;
  /** Suffix of URLs, with its leading dot. */
  readonly hostSuffix: string;
}

/** A probe that the sidecar makes in the kubelet's place, at the pod's own address. */
export interface ProbeSpec {
  readonly port: number;
  readonly http?: HttpProbe;
  /** Name of the service whose health is asked for; empty: that of the server. Without it and `http` a connection is enough. */
  readonly grpc?: string;
  /** The kubelet's patience with the whole of it, in milliseconds. */
  readonly timeoutMs: number;
  /** Where the application fails, the agent is asked whether it should be left alone all the same. */
  readonly agent: boolean;
}

/** As in `httpGet` (core/v1). */
export interface HttpProbe {
  readonly scheme: "HTTP" | "HTTPS";
  readonly path: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
}

export function formatSidecarConfig(config: SidecarConfig): string {
  return JSON.stringify(config);
}

/** @throws AzdsError PROTOCOL when the text is no configuration of this version */
export function parseSidecarConfig(text: string): SidecarConfig {
  const place = { code: "PROTOCOL", path: "AZDS_SIDECAR" } as const;
  const value = expectObject(parseJson(text, place), place);
  const session = asString(value["session"]);
  const redact = asArray(value["redact"]).flatMap((name) => asString(name) ?? []);
  return {
    version: 1,
    space: expectString(value["space"], { ...place, path: "AZDS_SIDECAR.space" }),
    ancestors: asArray(value["ancestors"]).flatMap((name) => asString(name) ?? []),
    controller: parseServer(value["controller"], "AZDS_SIDECAR.controller"),
    builder: parseServer(value["builder"], "AZDS_SIDECAR.builder"),
    ca: expectString(value["ca"], { ...place, path: "AZDS_SIDECAR.ca" }),
    opaquePorts: numbers(value["opaquePorts"]),
    redirect: redirectForm(value["redirect"]) ?? "init",
    skipInboundPorts: numbers(value["skipInboundPorts"]),
    skipOutboundPorts: numbers(value["skipOutboundPorts"]),
    probes: asArray(value["probes"]).map(parseProbe),
    ...(session === undefined ? {} : { session }),
    ...(redact.length === 0 ? {} : { redact }),
    hostSuffix: expectString(value["hostSuffix"], { ...place, path: "AZDS_SIDECAR.hostSuffix" }),
  };
}

export function redirectForm(value: unknown): RedirectForm | undefined {
  return REDIRECT_FORMS.find((form) => form === value);
}

/** Where one of our servers listens, and the name to check its certificate against. */
export type ServerAddress = SidecarConfig["controller"];

export function parseServer(value: unknown, path: string): ServerAddress {
  const place = { code: "PROTOCOL", path } as const;
  const server = expectObject(value, place);
  return {
    address: expectString(server["address"], { ...place, path: `${path}.address` }),
    port: asNumber(server["port"]) ?? 443,
    serverName: expectString(server["serverName"], { ...place, path: `${path}.serverName` }),
  };
}

/** None is left out, as their numbers are their places. */
function parseProbe(value: unknown): ProbeSpec {
  const port = asNumber(member(value, "port"));
  const timeoutMs = asNumber(member(value, "timeoutMs"));
  const http = member(value, "http");
  const grpc = asString(member(value, "grpc"));
  if (port === undefined || timeoutMs === undefined) {
    throw new AzdsError("PROTOCOL", "`AZDS_SIDECAR.probes` holds something that is no probe");
  }
  return {
    port,
    timeoutMs,
    agent: member(value, "agent") === true,
    ...(http === undefined ? {} : { http: parseHttpProbe(http) }),
    ...(grpc === undefined ? {} : { grpc }),
  };
}

/** Also of a pod, where what is absent has the same defaults. */
export function parseHttpProbe(value: unknown): HttpProbe {
  return {
    scheme: at(value, "scheme") === "HTTPS" ? "HTTPS" : "HTTP",
    path: asString(at(value, "path")) ?? "/",
    headers: asArray(at(value, "headers") ?? at(value, "httpHeaders")).map((header) => {
      return { name: asString(at(header, "name")) ?? "", value: asString(at(header, "value")) ?? "" };
    }),
  };
}

function numbers(value: unknown): readonly number[] {
  return asArray(value).flatMap((entry) => asNumber(entry) ?? []);
}
