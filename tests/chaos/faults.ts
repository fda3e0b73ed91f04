/** Accidents as data: what each does to the service or to the cluster, and who mends it. */
import type { FaultName } from "./plan.ts";
import type { SeenPod, World } from "./world.ts";

export interface Fault {
  /** For people. */
  readonly how: string;
  readonly hit: (world: World, pod: SeenPod | undefined) => Promise<void>;
  /** Where nothing does it by itself. */
  readonly mend?: (world: World, pod: SeenPod | undefined) => Promise<void>;
  /** Shortest time away, where that is what matters. */
  readonly awayMsMin?: number;
  /** `up` ends with it and is started again. */
  readonly endsUp?: boolean;
  /** Cuts what an attached `up` holds open, once: it says so once. */
  readonly cuts?: boolean;
}

/** As long as a lid is closed: longer than a peer may be silent. */
const ASLEEP_MS = 15_000;
/** The node that the control plane is not on. */
const SECOND_NODE = 2;

export const FAULT: Readonly<Record<FaultName, Fault>> = {
  cli: {
    how: "`azds up` is killed; somebody starts it again",
    hit: async (world) => world.stopUp("SIGKILL"),
    endsUp: true,
  },
  "cli-asleep": {
    how: "`azds up` stands still, as in a laptop that sleeps",
    hit: async (world) => signalUp(world, "SIGSTOP"),
    mend: async (world) => signalUp(world, "SIGCONT"),
    awayMsMin: ASLEEP_MS,
  },
  agent: { how: "the agent is killed; the kubelet restarts its container", hit: inPod("__agent") },
  application: { how: "the application is killed; the next save starts it", hit: inPod("server.js") },
  sidecar: { how: "the sidecar is killed; the kubelet restarts it", hit: inPod("__proxy") },
  pod: {
    how: "the pod is deleted; its Deployment makes another",
    hit: async (world, pod) => (pod === undefined ? undefined : world.deletePod(pod.name)),
  },
  builder: { how: "the builders are killed; the kubelet restarts them", hit: inSystem("builder", "__builder") },
  buildkitd: { how: "BuildKit is killed; the kubelet restarts it", hit: inSystem("builder", "buildkitd") },
  webhook: { how: "both webhooks are killed; the kubelet restarts them", hit: inSystem("webhook", "__webhook") },
  "webhook-and-pod": {
    how: "both webhooks are killed, and the pod is made again without them",
    hit: async (world, pod) => {
      await inSystem("webhook", "__webhook")(world);
      if (pod !== undefined) await world.deletePod(pod.name);
    },
  },
  controller: {
    how: "both controllers are killed; the kubelet restarts them",
    hit: inSystem("controller", "__controller"),
  },
  "api-server": {
    how: "the API server is killed and started again",
    hit: async (world) => world.parts.killApiServer(),
    mend: async (world) => world.parts.startApiServer(),
    cuts: true,
  },
  network: {
    how: "the way to the API server is cut, and mended",
    hit: async (world) => world.parts.cutNetwork(),
    mend: async (world) => world.parts.mendNetwork(),
    cuts: true,
  },
  kubelet: {
    how: "the kubelet of the pod's node is killed and started again",
    hit: async (world, pod) => world.parts.killPart(nodeIndex(pod), "kubelet"),
    mend: async (world, pod) => world.parts.startPart(nodeIndex(pod), "kubelet"),
  },
  containerd: {
    how: "containerd of the pod's node is killed and started again",
    hit: async (world, pod) => world.parts.killPart(nodeIndex(pod), "containerd"),
    mend: async (world, pod) => world.parts.startPart(nodeIndex(pod), "containerd"),
  },
  node: {
    how: "the second node loses its power and boots again",
    hit: async (world) => world.parts.killNode(SECOND_NODE),
    mend: async (world) => world.parts.bootNode(SECOND_NODE),
  },
};

function inPod(word: string): Fault["hit"] {
  return async (world, pod) => {
    if (pod !== undefined) killAll(world.victims(word, [pod.uid]));
  };
}

function inSystem(component: string, word: string): (world: World) => Promise<void> {
  return async (world) => {
    const pods = await world.systemPods(component);
    killAll(
      world.victims(
        word,
        pods.map(({ uid }) => uid),
      ),
    );
  };
}

function nodeIndex(pod: SeenPod | undefined): number {
  return pod?.node === "node2" ? SECOND_NODE : 1;
}

function signalUp({ up }: World, signal: NodeJS.Signals): void {
  if (up !== undefined && up.exitCode() === undefined) process.kill(up.pid, signal);
}

function killAll(processes: readonly { readonly pid: number }[]): void {
  for (const { pid } of processes) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended by itself in this moment.
    }
  }
}
