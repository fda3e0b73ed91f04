/** An Ingress on the route feed, from JSON to its type. */
import { asArray, asNumber, asString, at } from "./parse.ts";
import type { IngressBackend, IngressCertificate, IngressRecord, IngressRule } from "./route-table.ts";

export function parseIngressRecord(value: unknown): IngressRecord | undefined {
  const namespace = asString(at(value, "namespace"));
  const name = asString(at(value, "name"));
  if (namespace === undefined || name === undefined) return undefined;
  const fallback = parseBackend(at(value, "fallback"));
  return {
    namespace,
    name,
    rules: asArray(at(value, "rules")).flatMap((entry) => parseRule(entry) ?? []),
    certificates: asArray(at(value, "certificates")).map(parseCertificate),
    ...(fallback === undefined ? {} : { fallback }),
  };
}

function parseRule(value: unknown): IngressRule | undefined {
  const backend = parseBackend(at(value, "backend"));
  if (backend === undefined) return undefined;
  return {
    host: asString(at(value, "host")) ?? "",
    path: asString(at(value, "path")) ?? "/",
    exact: at(value, "exact") === true,
    backend,
  };
}

function parseBackend(value: unknown): IngressBackend | undefined {
  const service = asString(at(value, "service"));
  const port = asNumber(at(value, "port")) ?? asString(at(value, "port"));
  return service === undefined || port === undefined ? undefined : { service, port };
}

function parseCertificate(value: unknown): IngressCertificate {
  return {
    hosts: asArray(at(value, "hosts")).flatMap((host) => asString(host) ?? []),
    cert: asString(at(value, "cert")) ?? "",
    key: asString(at(value, "key")) ?? "",
  };
}
