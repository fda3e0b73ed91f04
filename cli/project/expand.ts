/** Tokens `$(tag)` and variables `$VAR`, `${VAR:-default}` in azds.yaml's values. Pure. */
import { AzdsError } from "../../core/errors.ts";
import { isObject, type JsonObject } from "../../core/parse.ts";

export interface Tokens {
  /** `azds-<6 characters>-<n>`. */
  readonly tag: string;
  /** `<child>.s.` in a child space, empty in a root. */
  readonly spacePrefix: string;
  /** `<root>.`. */
  readonly rootSpacePrefix: string;
  /** With its leading dot. */
  readonly hostSuffix: string;
}

export interface Expansion {
  readonly tokens: Tokens;
  /** `.env` beside azds.yaml, overruled by the process environment. */
  readonly variables: Readonly<Record<string, string>>;
}

// One scan for all forms, so that the value of a variable is never expanded again.
const REFERENCE =
  /\$\((?<token>[A-Za-z]+)\)|\$\{(?<braced>[A-Za-z_][A-Za-z0-9_]*)(?::-(?<fallback>[^}]*))?\}|\$(?<plain>[A-Za-z_][A-Za-z0-9_]*)/g;

/** @throws AzdsError CONFIG_INVALID for an unknown token or a variable that is not set and has no default */
export function expandText(text: string, expansion: Expansion): string {
  let expanded = "";
  let end = 0;
  for (const match of text.matchAll(REFERENCE)) {
    expanded += text.slice(end, match.index) + valueOf(match, expansion);
    end = match.index + match[0].length;
  }
  return expanded + text.slice(end);
}

function valueOf(match: RegExpExecArray, expansion: Expansion): string {
  const groups = match.groups ?? {};
  const token = groups["token"];
  if (token !== undefined) return tokenValue(token, expansion.tokens);
  const name = groups["braced"] ?? groups["plain"] ?? "";
  const value = expansion.variables[name];
  // Like a shell's `:-`: the default also stands for an empty value.
  if (groups["fallback"] !== undefined) return value === undefined || value === "" ? groups["fallback"] : value;
  if (value !== undefined) return value;
  throw new AzdsError(
    "CONFIG_INVALID",
    `\`${match[0]}\` in azds.yaml: the variable \`${name}\` is not set, neither in the environment nor in \`.env\``,
  );
}

/** Expands every string inside, keys excepted. */
export function expandValues(value: JsonObject, expansion: Expansion): JsonObject {
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, expandAny(inner, expansion)]));
}

function expandAny(value: unknown, expansion: Expansion): unknown {
  if (typeof value === "string") return expandText(value, expansion);
  if (Array.isArray(value)) return value.map((inner) => expandAny(inner, expansion));
  return isObject(value) ? expandValues(value, expansion) : value;
}

function tokenValue(token: string, tokens: Tokens): string {
  switch (token) {
    case "tag":
      return tokens.tag;
    case "spacePrefix":
      return tokens.spacePrefix;
    case "rootSpacePrefix":
      return tokens.rootSpacePrefix;
    case "hostSuffix":
      return tokens.hostSuffix;
    default:
      throw new AzdsError(
        "CONFIG_INVALID",
        `\`$(${token})\` in azds.yaml is no token; known are \`$(tag)\`, \`$(spacePrefix)\`, \`$(rootSpacePrefix)\`, \`$(hostSuffix)\``,
      );
  }
}

/** Lines `KEY=value`; `#` starts a comment line, `export` is allowed, matching quotes around a value are removed. */
export function parseDotEnv(text: string): Readonly<Record<string, string>> {
  const variables: Record<string, string> = {};
  for (const line of text.split(/\r?\n/)) {
    const groups = /^\s*(?:export\s+)?(?<key>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?<value>.*?)\s*$/.exec(line)?.groups;
    if (groups === undefined) continue;
    variables[groups["key"] ?? ""] = (groups["value"] ?? "").replace(/^(["'])(.*)\1$/, "$2");
  }
  return variables;
}
