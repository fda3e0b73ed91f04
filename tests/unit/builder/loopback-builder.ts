/** A builder on loopback: real TLS, wire and files; the API server and buildctl are fakes. */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rulesAt } from "../../../builder/ask-rules.ts";
import { runBuilder } from "../../../builder/builder.ts";
import type { DockerImages } from "../../../builder/docker-images.ts";
import { namespaceFolders } from "../../../builder/folders.ts";
import { followProgram } from "../../../builder/follow.ts";
import { createImageStore, type ImageStore } from "../../../builder/images.ts";
import type { Peers } from "../../../builder/peers.ts";
import { createRestorer } from "../../../builder/restore.ts";
import { sourceReceiver } from "../../../builder/sources.ts";
import { roomMaker } from "../../../builder/make-room.ts";
import { streamServer } from "../../../builder/streams.ts";
import { COMPONENT, SYSTEM_NAMESPACE } from "../../../core/contract.ts";
import { systemClock } from "../../../core/host/clock.ts";
import { runProcess } from "../../../core/host/run-process.ts";
import { at } from "../../../core/parse.ts";
import type { ServerAddress } from "../../../core/sidecar-config.ts";
import { testCertificate } from "../../fakes/certificate.ts";
import { fakeKube } from "../../fakes/kube.ts";
import { fakeBuildctl, type FakeBuildctlOptions } from "./fake-buildctl.ts";

export interface LoopbackBuilder extends AsyncDisposable {
  readonly address: ServerAddress;
  readonly ca: string;
  readonly images: ImageStore;
  readonly root: string;
}

const NO_PEERS: Peers = {
  addresses: () => Promise.resolve([]),
  connect: () => Promise.reject(new Error("There is no other builder")),
};

/** Its API server takes the tokens `token-of-<namespace>`. The tree `azds-abc123/0` of `dev` is there. */
export async function startBuilder(
  buildctl: FakeBuildctlOptions,
  peers: Peers = NO_PEERS,
  docker?: DockerImages,
): Promise<LoopbackBuilder> {
  const root = await mkdtemp(join(tmpdir(), "builder-"));
  await mkdir(join(namespaceFolders(root, "dev").trees, "azds-abc123/0"), { recursive: true });
  const { cert, key } = await testCertificate();
  const kube = fakeKube({
    answer: (request) => (request.path.endsWith("tokenreviews") ? review(request.body) : undefined),
  });
  const secret = `/api/v1/namespaces/${SYSTEM_NAMESPACE}/secrets/${COMPONENT.builder}-tls`;
  kube.put(secret, {
    metadata: { name: `${COMPONENT.builder}-tls` },
    data: { "tls.crt": encoded(cert), "tls.key": encoded(key) },
  });
  const images = createImageStore();
  const ports = {
    follow: followProgram,
    run: runProcess,
    clock: systemClock,
    images,
    buildctl: await fakeBuildctl(root, buildctl),
    prefix: "azds.local",
    env: { PATH: "/usr/bin:/bin" },
    secretsRoot: join(root, "secrets"),
    log: () => {},
    root,
    docker,
  };
  const makeRoom = roomMaker({ ...ports, cleanSources: async () => undefined });
  const serve = streamServer({
    ...ports,
    restorer: createRestorer({
      ...ports,
      fetch: () => Promise.resolve("no other node has it"),
    }),
    peers,
    onNews: () => {},
    sync: sourceReceiver(makeRoom),
    makeRoom,
    node: "node-1",
    version: "1.2.3",
  });
  const stop = new AbortController();
  const listening = Promise.withResolvers<number>();
  const options = {
    kube,
    clock: systemClock,
    log: () => {},
    port: 0,
    healthPort: 0,
    root,
    serve,
    rules: rulesAt(join(root, "rules.sock")),
    busy: new Map<string, number>(),
    onListening: listening.resolve,
  };
  const running = runBuilder(options, stop.signal);
  const port = await Promise.race([listening.promise, running.then(() => 0)]);
  return {
    address: { address: "127.0.0.1", port, serverName: "localhost" },
    ca: cert,
    images,
    root,
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await running;
      await rm(root, { recursive: true });
    },
  };
}

/** Of the builder of another node. */
export const PEER_TOKEN = "token-of-a-builder";
export const tokenOf = (namespace: string): string => `token-of-${namespace}`;

function encoded(text: string): string {
  return Buffer.from(text).toString("base64");
}

function review(body: unknown): unknown {
  const token = String(at(body, "spec", "token"));
  const namespace = /^token-of-(.+)$/.exec(token)?.[1];
  const audiences = at(body, "spec", "audiences");
  if (token === PEER_TOKEN) {
    const username = `system:serviceaccount:${SYSTEM_NAMESPACE}:${COMPONENT.builder}`;
    return { status: { authenticated: true, audiences, user: { username } } };
  }
  if (namespace === undefined) return { status: { authenticated: false } };
  const username = token === "token-of-user" ? "jane" : `system:serviceaccount:${namespace}:default`;
  return { status: { authenticated: true, audiences, user: { username } } };
}
