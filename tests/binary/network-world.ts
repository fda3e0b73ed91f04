/**
 * A pod's network and that of its peers, joined by a cable, in namespaces that end with the process that made them. The
 * executable's own `__proxy-init` and `__proxy` run in the pod, the latter as its own user.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ENV, PROGRAM, PROXY_UID, TOKEN_FILE } from "../../core/contract.ts";
import type { ServiceRecord } from "../../core/route-table.ts";
import { formatSidecarConfig, type SidecarConfig } from "../../core/sidecar-config.ts";
import { testCertificate } from "../fakes/certificate.ts";
import { EXECUTABLE } from "./executable.ts";

export const WORLD_TOOLS =
  process.getuid?.() === 0 && ["unshare", "ip", "setpriv"].every((program) => Bun.which(program) !== null);

export interface World {
  /** Addresses of the pod and of its peers, with the length of their prefix. */
  readonly pod: readonly string[];
  readonly peers: readonly string[];
  /** Where the peers' controller is asked for routes. */
  readonly controller: string;
  readonly services: readonly ServiceRecord[];
  /** Address → what the server there answers, on port 8080; those of the pod are its application. */
  readonly servers: {
    readonly pod: Readonly<Record<string, string>>;
    readonly peers: Readonly<Record<string, string>>;
  };
  /** Requests made one after the other. */
  readonly requests: readonly Request[];
}

export interface Request {
  readonly from: "pod" | "peers";
  readonly url: string;
  readonly routeAs?: string;
}

/** Bodies of the answers, in order. @throws Error with all output when the world breaks */
export async function askInWorld(world: World): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), "azds-world-"));
  try {
    const { cert, key } = await testCertificate();
    const file = (name: string, content: unknown): string => {
      writeFileSync(join(folder, name), JSON.stringify(content));
      return join(folder, name);
    };
    const feed = { cert, key, port: 443, services: world.services };
    const peers = file("peers.json", { servers: world.servers.peers, feed });
    const pod = file("pod.json", { servers: world.servers.pod });
    const requests = file("requests.json", world.requests);
    const bun = `${process.execPath} ${join(import.meta.dir, "network-world-peer.ts")}`;
    const script = [
      "mount -t tmpfs none /run",
      `mkdir -p ${TOKEN_FILE.replace(/\/[^/]*$/, "")}`,
      `echo token > ${TOKEN_FILE}`,
      "ip netns add pod; ip netns add peers",
      "ip link add cable netns pod type veth peer name cable netns peers",
      ...plugIn("pod", world.pod),
      ...plugIn("peers", world.peers),
      `ip netns exec peers ${bun} serve ${peers} &`,
      `ip netns exec pod ${bun} serve ${pod} &`,
      `ip netns exec pod ${EXECUTABLE} ${PROGRAM.proxyInit}`,
      `ip netns exec pod setpriv --reuid=${PROXY_UID} --regid=${PROXY_UID} --clear-groups --no-new-privs ${EXECUTABLE} ${PROGRAM.proxy} &`,
      `ip netns exec pod ${EXECUTABLE} ${PROGRAM.proxyReady}`,
      `for number in ${world.requests.map((_, i) => i).join(" ")}; do`,
      `  side=$(${bun} side ${requests} $number); ip netns exec $side ${bun} ask ${requests} $number`,
      "done",
    ].join("\n");
    const environment = {
      PATH: process.env["PATH"] ?? "",
      [ENV.sidecar]: formatSidecarConfig(configOf(world, cert)),
      [ENV.podIps]: world.pod.map((address) => address.split("/")[0]).join(","),
    };
    const argv = [
      "unshare",
      "--net",
      "--mount",
      "--pid",
      "--fork",
      "--mount-proc",
      "--kill-child",
      "bash",
      "-ec",
      script,
    ];
    const child = Bun.spawn(argv, { env: environment, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
    const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    if (code !== 0) throw new Error(`The world ended with ${code}:\n${stdout}${stderr}`);
    return stdout.trim().split("\n");
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function plugIn(side: "pod" | "peers", addresses: readonly string[]): readonly string[] {
  // Without the look for duplicates an IPv6 address can be used at once.
  const added = addresses.map((address) => `${address} dev cable ${address.includes(":") ? "nodad" : ""}`);
  return [
    `ip -n ${side} link set lo up`,
    `ip -n ${side} link set cable up`,
    ...added.map((address) => `ip -n ${side} address add ${address}`),
  ];
}

function configOf(world: World, ca: string): SidecarConfig {
  const controller = { address: world.controller, port: 443, serverName: "localhost" };
  return {
    version: 1,
    space: "dev",
    ancestors: [],
    controller,
    builder: controller,
    ca,
    opaquePorts: [],
    redirect: "init",
    skipInboundPorts: [],
    skipOutboundPorts: [],
    probes: [],
    hostSuffix: ".azds.localhost",
  };
}
