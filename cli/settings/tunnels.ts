/**
 * Which addresses of this machine lead into a cluster: `~/.azds/tunnels/<pid>.json`, one file for each running command,
 * so that nobody writes another's. A file whose process is gone counts for nothing and is removed by the next reader.
 */
import { mkdir, readdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { asArray, asNumber, asString, at } from "../../core/parse.ts";
import type { Cluster } from "../cluster/cluster.ts";
import type { Host } from "../host.ts";

export type Tunnel =
  | {
      readonly kind: "forward";
      readonly localPort: number;
      readonly space: string;
      readonly service: string;
      readonly port: number;
    }
  /** A local gateway; it serves all services that its space reaches. */
  | { readonly kind: "gateway"; readonly localPort: number; readonly space: string };

/** Tells the machine's other commands; call the result when the tunnels end. */
export async function announceTunnels(
  host: Host,
  cluster: Cluster,
  tunnels: readonly Tunnel[],
): Promise<() => Promise<void>> {
  const folder = tunnelFolder(host);
  const path = join(folder, `${host.pid}.json`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await Bun.write(
    `${path}.new`,
    `${JSON.stringify({ version: 1, server: cluster.kube.connection.server, tunnels })}\n`,
  );
  await rename(`${path}.new`, path);
  return () => rm(path, { force: true });
}

/** Those into `cluster`. */
export async function readTunnels(host: Host, cluster: Cluster): Promise<readonly Tunnel[]> {
  const folder = tunnelFolder(host);
  const files = (await entries(folder)).filter((name) => /^\d+\.json$/.test(name));
  const each = await Promise.all(files.map(async (name) => readFileOf(host, { folder, name, cluster })));
  return each.flat();
}

interface TunnelFile {
  readonly folder: string;
  readonly name: string;
  readonly cluster: Cluster;
}

async function readFileOf(host: Host, { folder, name, cluster }: TunnelFile): Promise<readonly Tunnel[]> {
  const path = join(folder, name);
  if (!host.processAlive(Number.parseInt(name, 10))) {
    await rm(path, { force: true });
    return [];
  }
  try {
    const file = JSON.parse(await readFile(path, "utf8")) as unknown;
    if (at(file, "server") !== cluster.kube.connection.server) return [];
    return asArray(at(file, "tunnels")).flatMap((entry) => readTunnel(entry) ?? []);
  } catch {
    // Gone or unfinished: its command has just ended.
    return [];
  }
}

function readTunnel(value: unknown): Tunnel | undefined {
  const localPort = asNumber(at(value, "localPort"));
  const space = asString(at(value, "space"));
  if (localPort === undefined || space === undefined) return undefined;
  if (at(value, "kind") === "gateway") return { kind: "gateway", localPort, space };
  const service = asString(at(value, "service"));
  const port = asNumber(at(value, "port"));
  return service === undefined || port === undefined ? undefined : { kind: "forward", localPort, space, service, port };
}

async function entries(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (at(error, "code") === "ENOENT") return [];
    throw error;
  }
}

function tunnelFolder(host: Host): string {
  return join(host.folder, "tunnels");
}
