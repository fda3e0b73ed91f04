/**
 * The redirect as data: which TCP connections of a pod pass through the sidecar. Printed as iptables rules and applied
 * as nf_tables rules from the same plan.
 *
 * Invariant: what the proxy's user sends is never redirected; the sidecar would redirect itself for ever.
 * Invariant: a connection that is older than the rules stays as it is: it would break, for nobody knows its other half.
 * Invariant: loopback stays untouched, so port-forwards and an application's own parts never meet the sidecar.
 */
import { PORT, PROXY_UID } from "../../core/contract.ts";
import type { SidecarConfig } from "../../core/sidecar-config.ts";

/** What a packet must be for its rule to hold, beside being TCP. */
export type Match =
  | { readonly type: "from-interface" | "to-interface"; readonly name: string }
  | { readonly type: "user"; readonly uid: number }
  | { readonly type: "to-port"; readonly port: number }
  | { readonly type: "to-loopback" }
  /** No packet that opens a connection: netfilter takes the next one of a connection that it has not followed for the first. */
  | { readonly type: "under-way" };

type Verdict = { readonly type: "leave" } | { readonly type: "redirect"; readonly port: number };

export interface Rule {
  /** Absent: every TCP connection. */
  readonly match?: Match;
  readonly verdict: Verdict;
}

export interface Chain {
  readonly name: "inbound" | "outbound";
  /** Where netfilter asks it: packets that arrive, packets of local processes. */
  readonly hook: "prerouting" | "output";
  /** The first that holds decides. */
  readonly rules: readonly Rule[];
}

export type RedirectSettings = Pick<SidecarConfig, "skipInboundPorts" | "skipOutboundPorts">;

export function planRedirect(settings: RedirectSettings): readonly Chain[] {
  return [
    {
      name: "inbound",
      hook: "prerouting",
      rules: [
        leave({ type: "under-way" }),
        leave({ type: "from-interface", name: "lo" }),
        leavePort(PORT.admin),
        ...portsOf(settings.skipInboundPorts).map(leavePort),
        { verdict: { type: "redirect", port: PORT.inbound } },
      ],
    },
    {
      name: "outbound",
      hook: "output",
      rules: [
        leave({ type: "under-way" }),
        leave({ type: "to-interface", name: "lo" }),
        leave({ type: "to-loopback" }),
        leave({ type: "user", uid: PROXY_UID }),
        ...portsOf(settings.skipOutboundPorts).map(leavePort),
        { verdict: { type: "redirect", port: PORT.outbound } },
      ],
    },
  ];
}

export function countRules(plan: readonly Chain[]): number {
  return plan.reduce((sum, chain) => sum + chain.rules.length, 0);
}

function leave(match: Match): Rule {
  return { match, verdict: { type: "leave" } };
}

function leavePort(port: number): Rule {
  return leave({ type: "to-port", port });
}

function portsOf(ports: readonly number[]): readonly number[] {
  return [...new Set(ports)]
    .filter((port) => Number.isInteger(port) && port > 0 && port < 65_536)
    .toSorted((a, b) => a - b);
}
