/** Certificates by host name: those of Ingresses from the route feed, and the cluster's own as the default. */
import { createSecureContext, type SecureContext } from "node:tls";
import type { Certificate } from "../../core/host/certificate.ts";
import type { IngressRecord } from "../../core/route-table.ts";

export class Certificates {
  #default: SecureContext | undefined;
  #text = "";
  #ingresses: readonly IngressRecord[] = [];
  #byHost: ReadonlyMap<string, SecureContext> = new Map();

  /** The default, for names without one of their own. @throws Error when it is no valid pair; the last one stays */
  setDefault(certificate: Certificate): void {
    const text = `${certificate.cert}\n${certificate.key}`;
    if (text === this.#text) return;
    this.#default = createSecureContext({ cert: certificate.cert, key: certificate.key });
    this.#text = text;
  }

  /** Own host, a wildcard's, that of the root for a child's `<child>.s.<host>`, then the default. */
  find(ingresses: readonly IngressRecord[], name: string): SecureContext | undefined {
    if (ingresses !== this.#ingresses) {
      this.#ingresses = ingresses;
      this.#byHost = contextsOf(ingresses);
    }
    const root = /^[^.]+\.s\.(?<root>.+)$/.exec(name)?.groups?.["root"] ?? "";
    const wild = `*${name.slice(Math.max(0, name.indexOf(".")))}`;
    return this.#byHost.get(name) ?? this.#byHost.get(wild) ?? this.#byHost.get(root) ?? this.#default;
  }
}

/** The first Ingress by name that has a host keeps it; pairs that cannot be used are left out. */
function contextsOf(ingresses: readonly IngressRecord[]): ReadonlyMap<string, SecureContext> {
  const contexts = new Map<string, SecureContext>();
  for (const { hosts, cert, key } of ingresses.flatMap((record) => record.certificates)) {
    const context = contextOf(cert, key);
    if (context === undefined) continue;
    for (const host of hosts) if (!contexts.has(host)) contexts.set(host, context);
  }
  return contexts;
}

function contextOf(cert: string, key: string): SecureContext | undefined {
  try {
    return createSecureContext({ cert, key });
  } catch {
    return undefined;
  }
}
