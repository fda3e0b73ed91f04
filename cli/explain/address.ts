/** What `azds route explain` is asked about: a URL, or the name of a service. Pure. */
import { AzdsError } from "../../core/errors.ts";

export interface Address {
  readonly scheme: "http" | "https";
  /** `host[:port]`, as a client writes it into the request. */
  readonly authority: string;
  /** Lower case; IPv6 in brackets. */
  readonly host: string;
  readonly port: number;
  /** With its query. */
  readonly path: string;
}

/** @throws AzdsError USAGE */
export function parseAddress(text: string): Address {
  const url = URL.parse(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`);
  const scheme = url?.protocol.slice(0, -1);
  if (url === null || url.hostname === "" || (scheme !== "http" && scheme !== "https"))
    throw new AzdsError("USAGE", `\`${text}\` is neither a URL of HTTP nor the name of a service`);
  const port = url.port === "" ? (scheme === "https" ? 443 : 80) : Number(url.port);
  return { scheme, authority: url.host, host: url.hostname, port, path: `${url.pathname}${url.search}` };
}

/** A port of this machine. Names below `localhost` may be those of the local gateway. */
export function isThisMachine({ host }: Address): boolean {
  return host === "localhost" || host === "[::1]" || host === "0.0.0.0" || /^127(?:\.\d+){3}$/.test(host);
}

/** @throws AzdsError USAGE for what is no `NAME:VALUE` */
export function parseHeaders(lines: readonly string[]): Readonly<Record<string, string>> {
  const fields: Record<string, string> = {};
  for (const line of lines) {
    const groups = /^(?<name>[!#$%&'*+.^_`|~0-9a-z-]+):(?<value>[^\r\n\0]*)$/i.exec(line)?.groups;
    const name = groups?.["name"]?.toLowerCase();
    if (name === undefined) throw new AzdsError("USAGE", `\`--header\` takes \`NAME:VALUE\`, not \`${line}\``);
    if (name === "host") throw new AzdsError("USAGE", "The host is that of the URL: `--header` cannot name another");
    if (name in fields) throw new AzdsError("USAGE", `The header \`${name}\` was given twice`);
    fields[name] = groups?.["value"]?.trim() ?? "";
  }
  return fields;
}
