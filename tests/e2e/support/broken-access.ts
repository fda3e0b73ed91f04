/** kubeconfigs that lead nowhere or are refused, made from the administrator's. */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import type { Developer } from "./cluster.ts";

interface Kubeconfig {
  readonly clusters: [{ cluster: Record<string, string> }];
  readonly users: [{ user: Record<string, string> }];
}

/** Nothing listens at the server's port. */
export async function closedPort(admin: Developer): Promise<string> {
  const port = await unusedPort();
  return changed(admin, ({ clusters: [{ cluster }] }) => {
    cluster["server"] = `https://127.0.0.1:${port}`;
  });
}

/** A client certificate for an administrator, signed by somebody else's authority. */
export function foreignCertificate(admin: Developer): string {
  const folder = mkdtempSync(join(tmpdir(), "azds-foreign-"));
  const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
  const subject = ["-subj", "/O=system:masters/CN=admin", "-days", "1"];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  const made = Bun.spawnSync(["openssl", "req", "-x509", ...curve, ...subject, "-keyout", key, "-out", certificate]);
  if (made.exitCode !== 0) throw new Error(made.stderr.toString());
  return changed(admin, ({ users: [{ user }] }) => {
    user["client-certificate-data"] = readFileSync(certificate).toString("base64");
    user["client-key-data"] = readFileSync(key).toString("base64");
  });
}

/** Credentials as a bearer token in place of the certificate. */
export function withToken(admin: Developer, token: string): string {
  return changed(admin, ({ users: [identity] }) => {
    identity.user = { token };
  });
}

export function kubeconfigFile(text: string): string {
  const file = join(mkdtempSync(join(tmpdir(), "azds-kubeconfig-")), "kubeconfig");
  writeFileSync(file, text, { mode: 0o600 });
  return file;
}

/** A port of this machine on which nothing listens any more. */
async function unusedPort(): Promise<number> {
  const held = await holdPort();
  await held.release();
  return held.port;
}

/** A local port that another program, this one, holds. */
export async function holdPort(): Promise<{ readonly port: number; readonly release: () => Promise<void> }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The port is not known");
  return { port: address.port, release: async () => new Promise((resolve) => server.close(() => resolve())) };
}

function changed(admin: Developer, change: (config: Kubeconfig) => void): string {
  const config = parse(readFileSync(admin.kubeconfig, "utf8")) as Kubeconfig;
  change(config);
  return kubeconfigFile(stringify(config));
}
