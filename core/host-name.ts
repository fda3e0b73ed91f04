/** Parts of an authority, `host[:port]`. */

/** Of the host, lower case. */
export function hostLabels(authority: string): readonly string[] {
  return withoutPort(authority).toLowerCase().split(".");
}

/** The host of `host[:port]`; an IPv6 address keeps its brackets (RFC 3986 §3.2.2). */
export function withoutPort(authority: string): string {
  const colon = authority.lastIndexOf(":");
  return colon < 0 || authority.endsWith("]") ? authority : authority.slice(0, colon);
}

/** An IPv6 address without the brackets that it has in a URL. */
export function withoutBrackets(host: string): string {
  return host.replace(/^\[|\]$/g, "");
}

/** The port of `host[:port]`; `undefined` where none is written. */
export function portOf(authority: string): number | undefined {
  const port = authority.slice(withoutPort(authority).length + 1);
  return /^\d{1,5}$/.test(port) ? Number(port) : undefined;
}
