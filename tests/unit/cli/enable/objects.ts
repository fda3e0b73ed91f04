/** Objects of the API in the few fields that the tests look at. */

interface NodeOptions {
  readonly name?: string;
  readonly ready?: string;
  readonly os?: string;
  readonly architecture?: string;
  readonly runtime?: string;
  readonly spec?: object;
}

export function node(options: NodeOptions = {}): object {
  return {
    metadata: { name: options.name ?? "n1", labels: { "kubernetes.io/os": options.os ?? "linux" } },
    spec: options.spec ?? {},
    status: {
      conditions: [{ type: "Ready", status: options.ready ?? "True" }],
      nodeInfo: {
        architecture: options.architecture ?? "amd64",
        containerRuntimeVersion: options.runtime ?? "containerd://1.7.0",
      },
    },
  };
}

interface PodOptions {
  readonly name: string;
  readonly namespace?: string;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
  readonly owner?: readonly [kind: string, name: string];
  readonly phase?: string;
  readonly spec?: object;
  readonly status?: object;
  readonly deleting?: true;
}

export function pod(options: PodOptions): object {
  return {
    metadata: {
      name: options.name,
      namespace: options.namespace ?? "team",
      annotations: options.annotations,
      labels: options.labels,
      ...ownedBy(options.owner),
      ...(options.deleting === undefined ? {} : { deletionTimestamp: "2026-01-01T00:00:00Z" }),
    },
    spec: options.spec ?? {},
    status: { phase: options.phase ?? "Running", ...options.status },
  };
}

export function replicaSet(name: string, deployment: string): object {
  return { metadata: { name, namespace: "team", ...ownedBy(["Deployment", deployment]) } };
}

function ownedBy(owner: readonly [kind: string, name: string] | undefined): object {
  return owner === undefined ? {} : { ownerReferences: [{ kind: owner[0], name: owner[1], controller: true }] };
}
