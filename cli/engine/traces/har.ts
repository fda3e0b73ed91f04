/** An archive of exchanges for browsers and proxies (HAR 1.2), a whole one at every moment. */
import { closeSync, openSync, writeSync } from "node:fs";
import { VERSION } from "../../../core/contract.ts";
import { AzdsError } from "../../../core/errors.ts";
import type { MessageTrace } from "../../../core/trace.ts";
import type { Exchange } from "./exchange.ts";

export interface HarFile {
  readonly add: (exchange: Exchange) => void;
  readonly close: () => void;
}

const END = "\n]}}\n";

/** @throws AzdsError USAGE when the file cannot be written */
export function openHar(file: string): HarFile {
  const head = `{"log":{"version":"1.2","creator":${JSON.stringify({ name: "azds", version: VERSION })},"entries":[`;
  const fd = create(file);
  let at = writeSync(fd, head, 0);
  let isFirst = true;
  writeSync(fd, END, at);
  return {
    add: (exchange) => {
      const entry = `${isFirst ? "\n" : ",\n"}${JSON.stringify(harEntry(exchange))}`;
      isFirst = false;
      // The end is written over, and again behind.
      const written = writeSync(fd, `${entry}${END}`, at);
      at += written - END.length;
    },
    close: () => closeSync(fd),
  };
}

function create(file: string): number {
  try {
    return openSync(file, "w", 0o600);
  } catch (cause) {
    throw new AzdsError("USAGE", `\`${file}\` cannot be written: ${String(cause)}`, { cause });
  }
}

/** http://www.softwareishard.com/blog/har-12-spec/#entries; -1 stands for what is not known. */
export function harEntry(exchange: Exchange): unknown {
  const { request, response } = exchange;
  const url = urlOf(exchange);
  const httpVersion = request.http2 === true ? "HTTP/2" : "HTTP/1.1";
  const wait = response?.firstByteMs ?? 0;
  const connect = response?.connectMs ?? 0;
  const blocked = response?.queueMs ?? 0;
  const total = response?.totalMs ?? 0;
  return {
    startedDateTime: new Date(request.at).toISOString(),
    time: total,
    request: {
      method: request.method,
      url,
      httpVersion,
      cookies: [],
      headers: headersOf(response?.request),
      queryString: [...new URL(url).searchParams].map(([name, value]) => ({ name, value })),
      headersSize: -1,
      bodySize: -1,
      ...postData(response?.request),
      ...trailersOf(response?.request),
    },
    response: {
      status: response?.status ?? 0,
      statusText: "",
      httpVersion,
      cookies: [],
      headers: headersOf(response?.response),
      content: contentOf(response?.response),
      redirectURL: "",
      headersSize: -1,
      bodySize: -1,
      ...trailersOf(response?.response),
    },
    cache: {},
    timings: { blocked, connect, send: 0, wait, receive: Math.max(0, total - blocked - connect - wait) },
    ...(response === undefined || response.address === "" ? {} : { serverIPAddress: response.address }),
    comment: `${request.direction} of pod ${exchange.pod}, space ${request.space ?? "of the pod"}: ${request.reason}`,
  };
}

function urlOf({ request }: Exchange): string {
  const absolute = URL.parse(request.path);
  if (absolute !== null) return absolute.href;
  return URL.parse(`http://${request.authority}${request.path}`)?.href ?? "http://unknown/";
}

function headersOf(message: MessageTrace | undefined): readonly unknown[] {
  return pairs(message?.fields ?? []);
}

/** HAR knows none; names of one's own begin with an underscore. */
function trailersOf(message: MessageTrace | undefined): object {
  return message?.trailers === undefined ? {} : { _trailers: pairs(message.trailers) };
}

function pairs(fields: MessageTrace["fields"]): readonly unknown[] {
  return fields.map(([name, value]) => ({ name, value }));
}

function mimeOf(message: MessageTrace | undefined): string {
  return message?.fields.find(([name]) => name.toLowerCase() === "content-type")?.[1] ?? "application/octet-stream";
}

function postData(message: MessageTrace | undefined): object {
  const body = message?.body;
  return body === undefined ? {} : { postData: { mimeType: mimeOf(message), params: [], text: body.text } };
}

function contentOf(message: MessageTrace | undefined): unknown {
  const body = message?.body;
  if (body === undefined) return { size: -1, mimeType: mimeOf(message) };
  const size = Buffer.byteLength(body.text, body.encoding);
  const encoding = body.encoding === "base64" ? { encoding: "base64" } : {};
  return { size, mimeType: mimeOf(message), text: body.text, ...encoding };
}
