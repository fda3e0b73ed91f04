/** A tree of requests as rows of a table. Pure. */
import { statusText } from "../engine/traces/exchange.ts";
import type { Call } from "./trace-tree.ts";
import { reasonInWords } from "./words.ts";

export function liveRows(calls: readonly Call[], indent = ""): readonly (readonly string[])[] {
  return calls.flatMap((call, index) => {
    const isLast = index === calls.length - 1;
    const branch = indent === "" && calls.length === 1 ? "" : isLast ? "└ " : "├ ";
    const below = branch === "" ? "  " : isLast ? "  " : "│ ";
    return [rowOf(call, `${indent}${branch}`), ...liveRows(call.calls, `${indent}${below}`)];
  });
}

function rowOf(call: Call, prefix: string): readonly string[] {
  const space = call.space === undefined ? "" : `, as \`${call.space}\``;
  const tries = call.tries > 1 ? `, after ${call.tries - 1} that refused` : "";
  return [
    `${prefix}${call.method} ${call.authority}${call.path}`,
    call.service ?? "",
    call.pod ?? "",
    statusText(call),
    `${call.ms < 10 ? call.ms.toFixed(1) : String(Math.round(call.ms))} ms`,
    `${reasonInWords(call.reason)}${space}${tries}`,
  ];
}
