/** Annotations with which a pod's author steers the injection. Bad values never stop a pod: they are ignored with a warning. */
import { PROXY_RESOURCES_ANNOTATION } from "../core/contract.ts";
import { isObject, type JsonObject } from "../core/parse.ts";
import { annotationsOf, type Pod } from "./pod.ts";
import type { Warning } from "./reasons.ts";

export interface Read<T> {
  readonly value: T;
  readonly warnings: readonly Warning[];
}

/** Measured need with room to spare: 28 MB idle, below 100 MB under load. */
const DEFAULT_RESOURCES: JsonObject = {
  requests: { cpu: "10m", memory: "32Mi" },
  limits: { memory: "128Mi" },
};

/**
 * Resources of our containers (a container's `resources`). The annotation's JSON has capitalised keys, as in
 * `{"Limits":{"cpu":"300m"},"Requests":{"cpu":"150m"}}`. All our containers get the same, init containers too, so that
 * quotas and the quality-of-service class "Guaranteed" can be met; that costs nothing, as a pod is charged for the larger
 * of its init containers and its containers.
 */
export function readResources(pod: Pod): Read<JsonObject> {
  const text = annotationsOf(pod)[PROXY_RESOURCES_ANNOTATION];
  if (text === undefined) return { value: DEFAULT_RESOURCES, warnings: [] };
  const value = parseResources(text);
  if (value !== undefined) return { value, warnings: [] };
  return { value: DEFAULT_RESOURCES, warnings: [{ code: "proxy-resources", detail: text }] };
}

/** TCP ports of the annotation `key`: numbers with commas between them. */
export function readPorts(pod: Pod, key: string): Read<readonly number[]> {
  const words = readNames(pod, key);
  return {
    value: [...new Set(words.filter(isPort).map(Number))],
    warnings: words.filter((word) => !isPort(word)).map((word) => ({ code: "port-list", detail: `${key}: ${word}` })),
  };
}

/** Words between commas. */
export function readNames(pod: Pod, key: string): readonly string[] {
  return (annotationsOf(pod)[key] ?? "").split(",").flatMap((word) => word.trim() || []);
}

function isPort(word: string): boolean {
  return /^[1-9][0-9]{0,4}$/.test(word) && Number(word) <= 65_535;
}

/** `undefined` for everything the API server would refuse, because that would make the pod impossible. */
function parseResources(text: string): JsonObject | undefined {
  const value = parseObject(text);
  if (value === undefined || Object.keys(value).some((key) => key !== "Limits" && key !== "Requests")) return undefined;
  const limits = parseAmounts(value["Limits"]);
  const requests = parseAmounts(value["Requests"]);
  if (limits === undefined || requests === undefined) return undefined;
  const exceeds = Object.entries(requests).some(([name, amount]) => {
    const limit = limits[name];
    return limit !== undefined && (quantity(amount) ?? 0) > (quantity(limit) ?? 0);
  });
  return exceeds ? undefined : { requests, limits };
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    // No JSON at all; the caller warns with the text.
    return undefined;
  }
}

const RESOURCE_NAMES = new Set(["cpu", "memory", "ephemeral-storage"]);

function parseAmounts(value: unknown): Readonly<Record<string, string>> | undefined {
  if (value === undefined) return {};
  if (!isObject(value)) return undefined;
  const entries = Object.entries(value).map(([name, amount]) => [name, String(amount)] as const);
  const valid = entries.every(([name, amount]) => RESOURCE_NAMES.has(name) && quantity(amount) !== undefined);
  return valid ? Object.fromEntries(entries) : undefined;
}

const QUANTITY = /^(?<digits>[0-9]+(?:\.[0-9]+)?)(?<suffix>m|[kMGTPE]|[KMGTPE]i|e[0-9]{1,2})?$/;
const DECIMAL = "kMGTPE";
const BINARY = "KMGTPE";

/** A Kubernetes quantity as a number; near enough to compare two of them. `undefined` when it is none. */
function quantity(text: string): number | undefined {
  const groups = QUANTITY.exec(text)?.groups;
  if (groups === undefined) return undefined;
  return Number(groups["digits"]) * factor(groups["suffix"] ?? "");
}

function factor(suffix: string): number {
  if (suffix === "") return 1;
  if (suffix === "m") return 1e-3;
  if (suffix.startsWith("e")) return 10 ** Number(suffix.slice(1));
  if (suffix.endsWith("i")) return 1024 ** (BINARY.indexOf(suffix.charAt(0)) + 1);
  return 1000 ** (DECIMAL.indexOf(suffix) + 1);
}
