/** What the webhook tells `__proxy` and `__proxy-init` in `ENV.sidecar`; the ports and ids that never vary are in contract.ts. */
import { asArray, asNumber, asString, expectObject, expectString, parseJson } from "./parse.ts";

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
  /** Ports that the redirect leaves alone. */
  readonly skipInboundPorts: readonly number[];
  readonly skipOutboundPorts: readonly number[];
  /** `/probe/<n>` → the TCP port that probe `n` meant. */
  readonly tcpProbes: readonly number[];
  /** Set in session pods: the build tunnel listens. */
  readonly session?: string;
  /** Suffix of URLs, with its leading dot. */
  readonly hostSuffix: string;
}

export function formatSidecarConfig(config: SidecarConfig): string {
  return JSON.stringify(config);
}

/** @throws AzdsError PROTOCOL when the text is no configuration of this version */
export function parseSidecarConfig(text: string): SidecarConfig {
  const place = { code: "PROTOCOL", path: "AZDS_SIDECAR" } as const;
  const value = expectObject(parseJson(text, place), place);
  const session = asString(value["session"]);
  return {
    version: 1,
    space: expectString(value["space"], { ...place, path: "AZDS_SIDECAR.space" }),
    ancestors: asArray(value["ancestors"]).flatMap((name) => asString(name) ?? []),
    controller: parseServer(value["controller"], "AZDS_SIDECAR.controller"),
    builder: parseServer(value["builder"], "AZDS_SIDECAR.builder"),
    ca: expectString(value["ca"], { ...place, path: "AZDS_SIDECAR.ca" }),
    opaquePorts: numbers(value["opaquePorts"]),
    skipInboundPorts: numbers(value["skipInboundPorts"]),
    skipOutboundPorts: numbers(value["skipOutboundPorts"]),
    tcpProbes: numbers(value["tcpProbes"]),
    ...(session === undefined ? {} : { session }),
    hostSuffix: expectString(value["hostSuffix"], { ...place, path: "AZDS_SIDECAR.hostSuffix" }),
  };
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

function numbers(value: unknown): readonly number[] {
  return asArray(value).flatMap((entry) => asNumber(entry) ?? []);
}
