/** The builders of other nodes: where they are, and connections to them. */
import { readFile } from "node:fs/promises";
import { CA_CONFIG_MAP, COMPONENT, SERVER_PORT, SYSTEM_NAMESPACE } from "../core/contract.ts";
import { openBuilder } from "../core/host/builder-tunnel.ts";
import type { KubeClient } from "../core/kube/types.ts";
import { asArray, asString, at } from "../core/parse.ts";
import { createMux, type Mux } from "../core/wire/mux.ts";
import { streamOfSocket } from "../core/wire/socket-stream.ts";

/** Token of a builder for builders. */
export const PEER_TOKEN_FILE = "/var/run/azds/token";

/** Connects to the other builders of the cluster, each welcomed as a peer. */
export interface Peers {
  readonly addresses: (signal: AbortSignal) => Promise<readonly string[]>;
  readonly connect: (address: string) => Promise<Mux>;
}

/** @param ownAddress of this builder's pod, which is not asked */
export function clusterPeers(kube: KubeClient, ownAddress: string): Peers {
  const own = `/apis/discovery.k8s.io/v1/namespaces/${SYSTEM_NAMESPACE}/endpointslices`;
  const slices = `${own}?labelSelector=kubernetes.io%2Fservice-name%3D${COMPONENT.builder}`;
  return {
    addresses: async (signal) => {
      const endpoints = (await kube.list(slices, signal)).flatMap((slice) => asArray(at(slice, "endpoints")));
      const ready = endpoints.filter((endpoint) => at(endpoint, "conditions", "ready") !== false);
      const addresses = ready.flatMap((endpoint) => asString(at(endpoint, "addresses", 0)) ?? []);
      return [...new Set(addresses)].filter((address) => address !== ownAddress);
    },
    connect: async (address) => {
      const map = await kube.find(`/api/v1/namespaces/${SYSTEM_NAMESPACE}/configmaps/${CA_CONFIG_MAP}`);
      const serverName = `${COMPONENT.builder}.${SYSTEM_NAMESPACE}.svc`;
      const socket = await openBuilder({
        builder: { address, port: SERVER_PORT.builder, serverName },
        ca: asString(at(map, "data", "ca.crt")) ?? "",
        token: (await readFile(PEER_TOKEN_FILE, "utf8")).trim(),
      });
      return createMux(streamOfSocket(socket), { role: "client" });
    },
  };
}
