/** An HTTP probe as the kubelet makes it: any certificate will do, redirects are followed within the host only. */
import { PROBE_BODY_BYTES_MAX, PROBE_REQUESTS_MAX } from "../../core/limits.ts";
import type { HttpProbe } from "../../core/sidecar-config.ts";
import type { ProbeTarget, Verdict } from "./probe.ts";

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** Never rejects. Status 200 to 399 is success; a redirect to another host is one of them, and is not followed. */
export async function checkHttp(probe: HttpProbe, { address, port, signal }: ProbeTarget): Promise<Verdict> {
  const end = new AbortController();
  try {
    const host = address.includes(":") ? `[${address}]` : address;
    const path = probe.path.startsWith("/") ? probe.path : `/${probe.path}`;
    const url = new URL(`${probe.scheme.toLowerCase()}://${host}:${port}${path}`);
    const status = await statusOf(url, headersOf(probe), AbortSignal.any([signal, end.signal]));
    if (status === undefined) return { status: 503, text: `More than ${PROBE_REQUESTS_MAX - 1} redirects\n` };
    return status < 400 ? { status: 200, text: "ok\n" } : { status, text: `The application answered ${status}\n` };
  } catch (error) {
    return { status: 503, text: `${error instanceof Error ? error.message : String(error)}\n` };
  } finally {
    // What is still coming of a body is of no interest.
    end.abort();
  }
}

/** The last status; `undefined` after too many redirects. */
async function statusOf(start: URL, headers: Headers, signal: AbortSignal): Promise<number | undefined> {
  let url = start;
  for (let requests = 0; requests < PROBE_REQUESTS_MAX; requests += 1) {
    const response = await fetch(url, {
      headers,
      signal,
      redirect: "manual",
      keepalive: false,
      decompress: false,
      tls: { rejectUnauthorized: false },
    });
    await readSome(response);
    const location = response.headers.get("location") ?? "";
    if (!REDIRECTS.has(response.status) || location === "") return response.status;
    url = new URL(location, url);
    if (url.hostname !== start.hostname) return response.status;
  }
  return undefined;
}

/** The kubelet reads on to the end or its limit; an answer that breaks off before is none. */
async function readSome(response: Response): Promise<void> {
  const body: ReadableStream<Uint8Array> | null = response.body;
  let bytes = 0;
  for await (const part of body ?? []) {
    bytes += part.length;
    if (bytes >= PROBE_BODY_BYTES_MAX) return;
  }
}

/** Applications know the kubelet by its name; a header of the pod's author goes before. */
function headersOf({ headers }: HttpProbe): Headers {
  const all = new Headers();
  for (const { name, value } of headers) all.append(name, value);
  if (!all.has("user-agent")) all.set("user-agent", "kube-probe/azds");
  if (!all.has("accept")) all.set("accept", "*/*");
  if (!all.has("accept-encoding")) all.set("accept-encoding", "identity");
  // Servers without it would wait for a second request.
  all.set("connection", "close");
  return all;
}
