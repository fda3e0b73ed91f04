/**
 * How a pod that may not redirect itself gets its redirect: the sidecar asks the builder of its node over TLS, one line
 * each way; the builder, which has no privilege, learns from the token which pod that is and hands an order to `__rules`
 * beside it, which has the privilege and no network.
 *
 * Invariant: the pod is named by its token, never by the request.
 */
import { asArray, asNumber, asString, at, expectString, member, parseJson } from "./parse.ts";

export interface RedirectPorts {
  readonly skipInboundPorts: readonly number[];
  readonly skipOutboundPorts: readonly number[];
}

export const RULES_PROTOCOL = "azds-rules/1";

/** In place of a `BuilderHello`; answered by a `BuilderWelcome`, after which the builder closes. */
export interface RulesHello extends RedirectPorts {
  readonly protocol: typeof RULES_PROTOCOL;
  /** Service-account token for TOKEN_AUDIENCE, bound to the pod. */
  readonly token: string;
}

/** One line on RULES_SOCKET, answered by one line `RulesAnswer`. */
export interface RulesOrder extends RedirectPorts {
  /** `metadata.uid`. */
  readonly pod: string;
}

export type RulesAnswer = { readonly ok: true } | { readonly ok: false; readonly message: string };

export function parsePorts(value: unknown): RedirectPorts {
  const ports = (name: string): readonly number[] => asArray(at(value, name)).flatMap((port) => asNumber(port) ?? []);
  return { skipInboundPorts: ports("skipInboundPorts"), skipOutboundPorts: ports("skipOutboundPorts") };
}

/** @throws AzdsError PROTOCOL when the line is no order */
export function parseRulesOrder(line: string): RulesOrder {
  const place = { code: "PROTOCOL", path: "order" } as const;
  const value = parseJson(line, place);
  return { pod: expectString(member(value, "pod"), { ...place, path: "order.pod" }), ...parsePorts(value) };
}

/** @throws AzdsError PROTOCOL when the line is no JSON */
export function parseRulesAnswer(line: string): RulesAnswer {
  const value = parseJson(line, { code: "PROTOCOL", path: "answer of the rules" });
  if (at(value, "ok") === true) return { ok: true };
  return { ok: false, message: asString(at(value, "message")) ?? "no reason was given" };
}

/** Path on the controller at which a sidecar tells, with its token, whether its pod has a redirect: a `RedirectNote`. */
export const REDIRECT_NOTE_PATH = "/v1/redirect";

export interface RedirectNote {
  readonly redirected: boolean;
  /** Why not, for people. */
  readonly reason: string;
}

/** `undefined` when the text is no note. */
export function parseRedirectNote(text: string): RedirectNote | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const redirected = at(value, "redirected");
    return typeof redirected === "boolean" ? { redirected, reason: asString(at(value, "reason")) ?? "" } : undefined;
  } catch {
    return undefined;
  }
}
