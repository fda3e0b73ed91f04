/** From `unknown` to typed values, with the path of the offending value in the message. No dependency, so that every program can use it. */
import { AzdsError, type ErrorCode } from "./errors.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/** Where a value came from: an error code and a path such as `azds.yaml: build.args`. */
export interface Place {
  readonly code: ErrorCode;
  readonly path: string;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The member `key` of `value`, or `undefined` when `value` is no object or lacks it. */
export function member(value: unknown, key: string): unknown {
  return isObject(value) ? value[key] : undefined;
}

/** Follows `keys` from `value`; `undefined` where the path ends early. */
export function at(value: unknown, ...keys: readonly (string | number)[]): unknown {
  let current = value;
  for (const key of keys) {
    current =
      typeof key === "number" ? (Array.isArray(current) ? (current[key] as unknown) : undefined) : member(current, key);
  }
  return current;
}

export function asString(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

export function asNumber(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

export function asArray(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? (value as readonly unknown[]) : [];
}

/** Only the members whose value is a string. */
export function asStringRecord(value: unknown): Readonly<Record<string, string>> {
  if (!isObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}

export function expectString(value: unknown, place: Place): string {
  if (typeof value === "string") return value;
  throw new AzdsError(place.code, `\`${place.path}\` must be a string, not ${describe(value)}`);
}

export function expectObject(value: unknown, place: Place): JsonObject {
  if (isObject(value)) return value;
  throw new AzdsError(place.code, `\`${place.path}\` must be a mapping, not ${describe(value)}`);
}

export function parseJson(text: string, place: Place): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new AzdsError(place.code, `\`${place.path}\` is not valid JSON`, { cause });
  }
}

function describe(value: unknown): string {
  if (value === undefined) return "missing";
  if (value === null) return "null";
  return Array.isArray(value) ? "a list" : `a ${typeof value}`;
}
