/**
 * What a sidecar asks of its node: the redirect, where its pod may not write it itself, and whether the application still
 * runs, which no container of a pod can see of another. The sidecar asks the builder of its node over TLS, one line each
 * way; the builder, which has no privilege, learns from the token which pod that is and hands an order to `__rules` beside
 * it, which has the privilege and no network.
 *
 * Invariant: the pod is named by its token, never by the request.
 */
import { AzdsError } from "./errors.ts";
import { RUNNING_WAIT_MS_MAX } from "./limits.ts";
import { asArray, asNumber, asString, at, expectString, member, parseJson } from "./parse.ts";

export interface RedirectRequest {
  readonly kind: "redirect";
  /** TCP ports that stay as they are. */
  readonly skipInboundPorts: readonly number[];
  readonly skipOutboundPorts: readonly number[];
}

export interface RunningRequest {
  readonly kind: "running";
  /** While it runs the answer is held back this long, at most RUNNING_WAIT_MS_MAX. */
  readonly waitMs: number;
}

export type RulesRequest = RedirectRequest | RunningRequest;

export const RULES_PROTOCOL = "azds-rules/1";

/** In place of a `BuilderHello`; answered by a `RulesAnswer`, after which the builder closes. */
export type RulesHello = RulesRequest & {
  readonly protocol: typeof RULES_PROTOCOL;
  /** Service-account token for TOKEN_AUDIENCE, bound to the pod. */
  readonly token: string;
};

/** One line on RULES_SOCKET, answered by one line `RulesAnswer`. */
export interface RulesOrder {
  /** `metadata.uid`. */
  readonly pod: string;
  readonly request: RulesRequest;
}

export type RulesAnswer = RulesReply | { readonly ok: false; readonly message: string };

export interface RulesReply {
  readonly ok: true;
  /** Of a `RunningRequest`: a container other than the sidecar has processes. */
  readonly running?: boolean;
}

/** @throws AzdsError PROTOCOL */
export function parseRulesRequest(value: unknown): RulesRequest {
  const ports = (name: string): readonly number[] => asArray(at(value, name)).flatMap((port) => asNumber(port) ?? []);
  switch (at(value, "kind")) {
    case "redirect":
      return {
        kind: "redirect",
        skipInboundPorts: ports("skipInboundPorts"),
        skipOutboundPorts: ports("skipOutboundPorts"),
      };
    case "running": {
      const waitMs = Math.max(0, asNumber(at(value, "waitMs")) ?? 0);
      return { kind: "running", waitMs: Math.min(waitMs, RUNNING_WAIT_MS_MAX) };
    }
    default:
      throw new AzdsError("PROTOCOL", "The sidecar asks for something that this version does not know");
  }
}

/** @throws AzdsError PROTOCOL when the line is no order */
export function parseRulesOrder(line: string): RulesOrder {
  const place = { code: "PROTOCOL", path: "order" } as const;
  const value = parseJson(line, place);
  const pod = expectString(member(value, "pod"), { ...place, path: "order.pod" });
  return { pod, request: parseRulesRequest(member(value, "request")) };
}

/** @throws AzdsError PROTOCOL when the line is no JSON */
export function parseRulesAnswer(line: string): RulesAnswer {
  const value = parseJson(line, { code: "PROTOCOL", path: "answer of the rules" });
  if (at(value, "ok") !== true) return { ok: false, message: asString(at(value, "message")) ?? "no reason was given" };
  const running = at(value, "running");
  return { ok: true, ...(typeof running === "boolean" ? { running } : {}) };
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
