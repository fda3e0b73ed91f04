/** Heads of messages as HTTP/1.1 would write them: for those who want the messages themselves (`MessageCapture`). */
import type { Field } from "./field.ts";

export function requestHeadText(fields: readonly Field[]): Buffer {
  const method = valueOf(fields, ":method");
  const authority = valueOf(fields, ":authority");
  const target = valueOf(fields, ":path") || authority;
  const host = authority === "" || valueOf(fields, "host") !== "" ? "" : `host: ${authority}\r\n`;
  return Buffer.from(`${method} ${target} HTTP/1.1\r\n${host}${linesOf(fields)}\r\n`, "latin1");
}

export function responseHeadText(fields: readonly Field[]): Buffer {
  return Buffer.from(`HTTP/1.1 ${valueOf(fields, ":status")}\r\n${linesOf(fields)}\r\n`, "latin1");
}

/** Names and values hold no line ends: what does is `forbidden`, and its message refused. */
function linesOf(fields: readonly Field[]): string {
  return fields.map(({ pseudo, name, value }) => (pseudo ? "" : `${name}: ${value}\r\n`)).join("");
}

function valueOf(fields: readonly Field[], name: string): string {
  return fields.find((field) => field.name === name)?.value ?? "";
}
