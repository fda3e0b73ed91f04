/** What a client of HTTP/2 sends before anything else (RFC 9113 §3.4). */
export const PREFACE: Buffer = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** Of which `bytes` may be no more than the beginning. */
export function beginsPreface(bytes: Buffer): boolean {
  const compared = Math.min(bytes.length, PREFACE.length);
  return bytes[0] === PREFACE[0] && bytes.compare(PREFACE, 0, compared, 0, compared) === 0;
}
