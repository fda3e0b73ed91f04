/** One text for each IP address, so that addresses compare as texts: the API server keeps what was written to it. */

/** RFC 5952 §4: lower case, and the longest run of two or more zero groups as `::`; an IPv4-mapped address as IPv4. */
export function formatIpv6(groups: readonly number[]): string {
  const mapped = ipv4In(groups);
  if (mapped !== undefined) return mapped;
  let best = { start: 0, length: 1 };
  for (let start = 0; start < groups.length; start += 1) {
    let end = start;
    while (end < groups.length && groups[end] === 0) end += 1;
    if (end - start > best.length) best = { start, length: end - start };
    if (end > start) start = end;
  }
  const hex = groups.map((group) => group.toString(16));
  if (best.length < 2) return hex.join(":");
  return `${hex.slice(0, best.start).join(":")}::${hex.slice(best.start + best.length).join(":")}`;
}

/** `::ffff:a.b.c.d` (RFC 4291 §2.5.5.2): on a socket of both families every IPv4 peer looks like that. */
function ipv4In(groups: readonly number[]): string | undefined {
  const [high = 0, low = 0] = groups.slice(6);
  const isMapped = groups[5] === 0xff_ff && groups.slice(0, 5).every((group) => group === 0);
  return isMapped ? [high >> 8, high & 0xff, low >> 8, low & 0xff].join(".") : undefined;
}

/** The same text for every spelling of an address. What is no IPv6 address comes back as it is. */
export function canonicalAddress(text: string): string {
  const groups = text.includes(":") ? ipv6Groups(text) : undefined;
  return groups === undefined ? text : formatIpv6(groups);
}

/** The eight groups of any spelling that RFC 4291 §2.2 knows. */
export function ipv6Groups(text: string): readonly number[] | undefined {
  const halves = withoutDots(text).split("::");
  const [before = [], after = []] = halves.map((half) => (half === "" ? [] : half.split(":")));
  const missing = 8 - before.length - after.length;
  if (halves.length > 2 || (halves.length === 2 ? missing < 1 : missing !== 0)) return undefined;
  const words = [...before, ...Array.from({ length: missing }, () => "0"), ...after];
  return words.every((word) => /^[0-9a-f]{1,4}$/i.test(word))
    ? words.map((word) => Number.parseInt(word, 16))
    : undefined;
}

/** With the last two groups in hexadecimal where they are written as an IPv4 address. */
function withoutDots(text: string): string {
  const at = text.lastIndexOf(":") + 1;
  const bytes = text.slice(at).split(".").map(Number);
  const [a = 0, b = 0, c = 0, d = 0] = bytes;
  const isIpv4 = bytes.length === 4 && bytes.every((byte) => Number.isInteger(byte) && byte >= 0 && byte <= 255);
  return isIpv4 ? `${text.slice(0, at)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}` : text;
}
