/** One line of the route feed, from text to its type. */
import { asArray, asNumber, asString, at, isObject, parseJson } from "./parse.ts";
import type {
  FeedMessage,
  FeedVersion,
  IngressRecord,
  ServicePort,
  ServiceRecord,
  SpaceRecord,
} from "./route-table.ts";
import { parseIngressRecord } from "./ingress-record.ts";

/**
 * `undefined` for a kind this version does not know: a newer controller may send more.
 * @throws AzdsError PROTOCOL when the line is no JSON
 */
export function parseFeedMessage(line: string): FeedMessage | undefined {
  const value = parseJson(line, { code: "PROTOCOL", path: "route feed" });
  const type = at(value, "type");
  if (type === "ping") return { type };
  const version = parseVersion(at(value, "version"));
  if (version === undefined) return undefined;
  switch (type) {
    case "snapshot":
      return {
        type,
        version,
        spaces: parseSpaces(at(value, "spaces")),
        services: asArray(at(value, "services")).flatMap((entry) => parseService(entry) ?? []),
        ...(at(value, "ingresses") === undefined ? {} : { ingresses: parseIngresses(at(value, "ingresses")) }),
      };
    case "spaces":
      return { type, version, spaces: parseSpaces(at(value, "spaces")) };
    case "service": {
      const service = parseService(at(value, "service"));
      return service === undefined ? undefined : { type, version, service };
    }
    case "removed": {
      const key = asString(at(value, "key"));
      return key === undefined ? undefined : { type, version, key };
    }
    case "ingresses":
      return { type, version, ingresses: parseIngresses(at(value, "ingresses")) };
    default:
      return undefined;
  }
}

function parseIngresses(value: unknown): readonly IngressRecord[] {
  return asArray(value).flatMap((entry) => parseIngressRecord(entry) ?? []);
}

function parseVersion(value: unknown): FeedVersion | undefined {
  const replica = asString(at(value, "replica"));
  const counter = asNumber(at(value, "counter"));
  return replica === undefined || counter === undefined ? undefined : { replica, counter };
}

function parseSpaces(value: unknown): readonly SpaceRecord[] {
  return asArray(value).flatMap((entry) => {
    const name = asString(at(entry, "name"));
    const parent = asString(at(entry, "parent"));
    if (name === undefined) return [];
    return [parent === undefined ? { name } : { name, parent }];
  });
}

function parseService(value: unknown): ServiceRecord | undefined {
  const namespace = asString(at(value, "namespace"));
  const name = asString(at(value, "name"));
  if (!isObject(value) || namespace === undefined || name === undefined) return undefined;
  return {
    namespace,
    name,
    uid: asString(value["uid"]) ?? "",
    ips: strings(value["ips"]),
    ports: asArray(value["ports"]).flatMap((entry) => parsePort(entry) ?? []),
    endpoints: strings(value["endpoints"]),
    ...(value["pinned"] === true ? { pinned: true as const } : {}),
  };
}

function parsePort(value: unknown): ServicePort | undefined {
  const port = asNumber(at(value, "port"));
  if (port === undefined) return undefined;
  const target = asNumber(at(value, "target"));
  const hint = at(value, "hint");
  return {
    name: asString(at(value, "name")) ?? "",
    port,
    ...(target === undefined ? {} : { target }),
    ...(hint === "http" || hint === "http2" || hint === "opaque" ? { hint } : {}),
  };
}

function strings(value: unknown): readonly string[] {
  return asArray(value).flatMap((entry) => asString(entry) ?? []);
}
