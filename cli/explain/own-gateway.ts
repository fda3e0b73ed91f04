/** Gateways of the user's own (gateway.networking.k8s.io/v1), as far as they decide which HTTPRoutes serve a host. Pure. */
import { asArray, asNumber, asString, at } from "../../core/parse.ts";
import { type LabelSelector, parseLabelSelector } from "./label-selector.ts";

export interface OwnGateway {
  readonly namespace: string;
  readonly name: string;
  readonly listeners: readonly Listener[];
}

export interface Listener {
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
  /** Lower case; absent: every host. */
  readonly hostname: string | undefined;
  /** False: its `allowedRoutes.kinds` leave HTTPRoutes out. */
  readonly takesHttpRoutes: boolean;
  /** Of the namespaces whose routes it lets in. */
  readonly from: "All" | "Same" | "Selector" | "None";
  /** Counts with `Selector`. */
  readonly selects: LabelSelector;
}

/** `absent` also where its kind is not installed. */
export type GatewayFact = OwnGateway | "absent" | "unreadable";

export function parseGateway(object: unknown): OwnGateway {
  return {
    namespace: asString(at(object, "metadata", "namespace")) ?? "",
    name: asString(at(object, "metadata", "name")) ?? "",
    listeners: asArray(at(object, "spec", "listeners")).map(parseListener),
  };
}

function parseListener(listener: unknown): Listener {
  const hostname = asString(at(listener, "hostname"))?.toLowerCase();
  const kinds = asArray(at(listener, "allowedRoutes", "kinds"));
  const namespaces = at(listener, "allowedRoutes", "namespaces");
  return {
    name: asString(at(listener, "name")) ?? "",
    port: asNumber(at(listener, "port")) ?? 0,
    protocol: asString(at(listener, "protocol")) ?? "",
    hostname: hostname === "" ? undefined : hostname,
    takesHttpRoutes: kinds.length === 0 || kinds.some((kind) => at(kind, "kind") === "HTTPRoute"),
    from: parseFrom(at(namespaces, "from")),
    selects: parseLabelSelector(at(namespaces, "selector")),
  };
}

/** One that is not known lets nobody in, as with an implementation that does not know it. */
function parseFrom(from: unknown): Listener["from"] {
  if (from === undefined) return "Same";
  return from === "All" || from === "Same" || from === "Selector" ? from : "None";
}
