/** The answer to a host that leads nowhere: which ones do. */
import type { Answer } from "../http/answer.ts";
import { knownUrls } from "../../core/from-outside.ts";
import type { Door } from "./decide.ts";

export interface Unknown {
  readonly scheme: "http" | "https";
  readonly authority: string;
  /** The client shows HTML. */
  readonly html: boolean;
}

export function unknownHost({ table, hostSuffix }: Door, { scheme, authority, html }: Unknown): Answer {
  const ingresses = table.ingresses
    .flatMap(({ rules }) => rules.map(({ host }) => host))
    .filter((host) => host !== "" && !host.startsWith("*"))
    .map((host) => `${scheme}://${host}/`);
  const urls = [...new Set([...knownUrls(table, hostSuffix, scheme), ...ingresses])];
  const what = "No service answers to this host";
  if (html) return { kind: "answer", status: 404, text: pageOf(what, authority, urls), html: true };
  const list = urls.length === 0 ? "No service is known\n" : `Known here:\n${urls.map((url) => `  ${url}\n`).join("")}`;
  return { kind: "answer", status: 404, text: `${what}: \`${authority}\`\n${list}` };
}

function pageOf(what: string, authority: string, urls: readonly string[]): string {
  const items = urls.map(escape).map((url) => `<li><a href="${url}">${url}</a></li>`);
  const list = items.length === 0 ? "<p>No service is known.</p>" : `<p>Known here:</p><ul>${items.join("")}</ul>`;
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>404</title><h1>${what}</h1><p><code>${escape(authority)}</code></p>${list}</html>\n`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
