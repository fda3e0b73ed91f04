/** The space of a request in its baggage (W3C Baggage §3.3.1), where it carries no header of ours. */
import { ROUTE_HEADER } from "./contract.ts";

/** Value of the member `azds-route-as`, lower case; `undefined` where there is none, or one that cannot be read. */
export function spaceInBaggage(baggage: string): string | undefined {
  // Most baggage is of others.
  if (!baggage.includes(ROUTE_HEADER)) return undefined;
  for (const member of baggage.split(",")) {
    if (!isOurs(member)) continue;
    const value = decoded(member.slice(member.indexOf("=") + 1).split(";", 1)[0] ?? "");
    if (value !== "") return value.toLowerCase();
  }
  return undefined;
}

/** What others put there; empty where nothing is left. */
export function withoutSpace(baggage: string): string {
  return baggage
    .split(",")
    .filter((member) => !isOurs(member))
    .join(",")
    .trim();
}

export function baggageMember(space: string): string {
  return `${ROUTE_HEADER}=${space}`;
}

/** Keys are compared as they are (§3.3.2: case-sensitive). */
function isOurs(member: string): boolean {
  const equals = member.indexOf("=");
  return equals >= 0 && member.slice(0, equals).trim() === ROUTE_HEADER;
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value.trim());
  } catch {
    return "";
  }
}
