/** The plan as text for `iptables-restore --noflush`: for reading, and for nodes whose kernel lacks nf_tables. */
import type { Chain, Match, Rule } from "./plan.ts";

export type Family = "ip" | "ip6";

/** Only chains of ours are emptied; two jumps are added to the built-in ones, where other rules stay. */
export function printRestore(plan: readonly Chain[], family: Family): string {
  const lines = [
    "*nat",
    ...plan.map((chain) => `:${chainName(chain)} - [0:0]`),
    ...plan.map((chain) => `-A ${chain.hook.toUpperCase()} -p tcp -j ${chainName(chain)}`),
    ...plan.flatMap((chain) =>
      chain.rules.map(
        (rule) => `-A ${chainName(chain)} -p tcp${printMatch(rule.match, family)} -j ${printVerdict(rule)}`,
      ),
    ),
    "COMMIT",
  ];
  return `${lines.join("\n")}\n`;
}

function chainName(chain: Chain): string {
  return `AZDS_${chain.name.toUpperCase()}`;
}

function printMatch(match: Match | undefined, family: Family): string {
  if (match === undefined) return "";
  switch (match.type) {
    case "from-interface":
      return ` -i ${match.name}`;
    case "to-interface":
      return ` -o ${match.name}`;
    case "user":
      return ` -m owner --uid-owner ${match.uid}`;
    case "to-port":
      return ` --dport ${match.port}`;
    case "to-loopback":
      return family === "ip" ? " -d 127.0.0.0/8" : " -d ::1/128";
    case "under-way":
      return " ! --syn";
  }
}

function printVerdict(rule: Rule): string {
  return rule.verdict.type === "leave" ? "RETURN" : `REDIRECT --to-ports ${rule.verdict.port}`;
}
