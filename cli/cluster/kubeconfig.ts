/** kubeconfig files as kubectl reads them (https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/). */
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { KubeConfig } from "@kubernetes/client-node";
import { AzdsError } from "../../core/errors.ts";
import type { Globals } from "../context.ts";
import type { Host } from "../host.ts";

export interface Target {
  readonly config: KubeConfig;
  /** Name of the context. */
  readonly context: string;
  /** `https://host:port`, no trailing slash. */
  readonly server: string;
  /** Default namespace of the context. */
  readonly namespace: string;
}

/** @throws AzdsError KUBECONFIG_INVALID when no file, context, cluster or user is there */
export function loadTarget(host: Host, globals: Globals): Target {
  const paths = kubeconfigPaths(host, globals);
  const config = load(paths);
  if (globals.context !== undefined) config.setCurrentContext(globals.context);
  // The type denies it, but a file may lack `current-context`.
  const name = config.getCurrentContext() as string | undefined;
  if (name === undefined || name === "")
    throw invalid(`No current context in ${quoted(paths)}; name one with \`--context\``);
  const context = config.getContextObject(name);
  if (context === null) throw invalid(`Context \`${name}\` does not exist in ${quoted(paths)}`);
  const cluster = config.getCurrentCluster();
  if (cluster === null)
    throw invalid(`Context \`${name}\` names cluster \`${context.cluster}\`, which does not exist in ${quoted(paths)}`);
  if (config.getCurrentUser() === null)
    throw invalid(`Context \`${name}\` names user \`${context.user}\`, which does not exist in ${quoted(paths)}`);
  return {
    config,
    context: name,
    server: cluster.server.replace(/\/+$/, ""),
    namespace: context.namespace ?? "default",
  };
}

function kubeconfigPaths(host: Host, globals: Globals): readonly string[] {
  const list = globals.kubeconfig ?? host.env["KUBECONFIG"] ?? "";
  const paths = list.split(delimiter).filter((path) => path !== "");
  return paths.length > 0 ? paths : [join(host.home, ".kube", "config")];
}

/** As kubectl: files that do not exist are skipped as long as one does, and the first that says something wins. */
function load(paths: readonly string[]): KubeConfig {
  const present = paths.filter((path) => existsSync(path));
  if (present.length === 0) throw invalid(`No kubeconfig: ${quoted(paths)} does not exist`);
  const [first, ...others] = present.map(loadFile);
  if (first === undefined) throw invalid("No kubeconfig");
  for (const other of others) merge(first, other);
  return first;
}

function loadFile(path: string): KubeConfig {
  const config = new KubeConfig();
  try {
    config.loadFromFile(path);
  } catch (cause) {
    throw invalid(
      `\`${path}\` cannot be read as a kubeconfig: ${cause instanceof Error ? cause.message : String(cause)}`,
      cause,
    );
  }
  return config;
}

interface Named {
  readonly name: string;
}

function lacking<T extends Named>(has: readonly T[], more: readonly T[]): readonly T[] {
  return more.filter(({ name }) => !has.some((each) => each.name === name));
}

function merge(into: KubeConfig, from: KubeConfig): void {
  for (const cluster of lacking(into.getClusters(), from.getClusters())) into.addCluster(cluster);
  for (const user of lacking(into.getUsers(), from.getUsers())) into.addUser(user);
  for (const context of lacking(into.getContexts(), from.getContexts())) into.addContext(context);
  // The type denies it, but a file may lack `current-context`.
  if ((into.getCurrentContext() as string | undefined) === undefined) into.setCurrentContext(from.getCurrentContext());
}

function quoted(paths: readonly string[]): string {
  return paths.map((path) => `\`${path}\``).join(", ");
}

function invalid(message: string, cause?: unknown): AzdsError {
  return new AzdsError("KUBECONFIG_INVALID", message, { cause });
}
