/**
 * What `@kubernetes/client-node` uses of `undici`, on Bun's own fetch. Bun replaces `undici` by a module whose fetch
 * ignores `dispatcher`, so neither a private certificate authority nor a client certificate would count.
 * scripts/client-node-plugin.ts points the package's imports here. SOCKS proxies and PFX stores are not covered.
 */
interface TlsOptions {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly passphrase?: string;
  readonly rejectUnauthorized?: boolean;
  readonly servername?: string;
}

interface AgentOptions {
  readonly connect?: TlsOptions;
  /** TLS towards the server behind a proxy. */
  readonly requestTls?: TlsOptions;
  /** Address of the proxy. */
  readonly uri?: string;
}

export class Agent {
  readonly options: AgentOptions;

  constructor(options: AgentOptions = {}) {
    this.options = options;
  }
}

export class ProxyAgent extends Agent {}

export type FetchInit = RequestInit & { readonly dispatcher?: Agent };

export async function fetch(url: string | URL, { dispatcher, ...init }: FetchInit = {}): Promise<Response> {
  const { connect, requestTls, uri } = dispatcher?.options ?? {};
  return globalThis.fetch(url, {
    ...init,
    ...(uri === undefined ? {} : { proxy: uri }),
    ...bunTls(requestTls ?? connect),
  });
}

function bunTls(tls: TlsOptions | undefined): { readonly tls?: Record<string, unknown> } {
  if (tls === undefined) return {};
  const { ca, cert, key, passphrase, rejectUnauthorized, servername } = tls;
  const entries = Object.entries({ ca, cert, key, passphrase, rejectUnauthorized, serverName: servername });
  return { tls: Object.fromEntries(entries.filter(([, value]) => value !== undefined)) };
}
