/** Exact command lines of Helm (pure). Context and namespace are always explicit: never the user's current ones. */
export interface HelmTarget {
  readonly context: string;
  readonly kubeconfig: string | undefined;
  readonly namespace: string;
}

export interface Release extends HelmTarget {
  readonly name: string;
  readonly chart: string;
  /** Later files win. Values are never put on the command line, where every user of the machine could read them. */
  readonly valuesFiles: readonly string[];
}

function targetArgs(target: HelmTarget): readonly string[] {
  return [
    "--kube-context",
    target.context,
    "--namespace",
    target.namespace,
    ...(target.kubeconfig === undefined ? [] : ["--kubeconfig", target.kubeconfig]),
  ];
}

/** No `--wait`: readiness is watched by the engine, which also serves the build that the pods wait for. */
export function upgradeArgs(release: Release): readonly string[] {
  return [
    "upgrade",
    release.name,
    release.chart,
    "--install",
    "--output",
    "json",
    // Releases of a development loop: without a bound each save would leave a Secret behind.
    "--history-max",
    "5",
    ...targetArgs(release),
    ...release.valuesFiles.flatMap((file) => ["--values", file]),
  ];
}

export function uninstallArgs(name: string, target: HelmTarget): readonly string[] {
  return ["uninstall", name, ...targetArgs(target)];
}

export function rollbackArgs(name: string, target: HelmTarget): readonly string[] {
  return ["rollback", name, ...targetArgs(target)];
}

export function statusArgs(name: string, target: HelmTarget): readonly string[] {
  return ["status", name, "--output", "json", ...targetArgs(target)];
}
