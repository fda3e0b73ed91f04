/**
 * TCP probes lie behind the redirect: the sidecar accepts every connection, so a closed port would look open. They become
 * HTTP probes of the sidecar's admin port, which dials the real port (core/sidecar-config.ts, `tcpProbes`).
 *
 * Invariant: in native sidecars only the readiness probe is moved. They run before `devspaces-proxy`: a moved startup
 * probe would hold back the very init container that its answer needs, and a moved liveness probe would kill them.
 */
import { PORT } from "../core/contract.ts";
import { asArray, asNumber, asString, at, isObject } from "../core/parse.ts";
import { isNativeSidecar, nameOf, type Container } from "./pod.ts";
import type { Warning } from "./reasons.ts";

export interface PodContainers {
  readonly initContainers: readonly Container[];
  readonly containers: readonly Container[];
}

export interface MovedProbes extends PodContainers {
  /** Port meant by `/probe/<index>`. */
  readonly tcpProbes: readonly number[];
  readonly warnings: readonly Warning[];
}

const PROBES = ["startupProbe", "livenessProbe", "readinessProbe"] as const;

/** Numbers follow the order of the containers, init containers first, and the order of PROBES in each. */
export function moveTcpProbes(pod: PodContainers): MovedProbes {
  const tcpProbes: number[] = [];
  const move = (container: Container, kinds: readonly string[]): Container => {
    const moved = kinds.flatMap((kind) => {
      const port = tcpPort(container, kind);
      return port === undefined ? [] : [[kind, httpProbe(container[kind], tcpProbes.push(port) - 1)] as const];
    });
    return moved.length === 0 ? container : { ...container, ...Object.fromEntries(moved) };
  };
  const native = pod.initContainers.filter(isNativeSidecar);
  return {
    initContainers: pod.initContainers.map((each) => (isNativeSidecar(each) ? move(each, ["readinessProbe"]) : each)),
    containers: pod.containers.map((each) => move(each, PROBES)),
    tcpProbes,
    warnings: native
      .filter((each) => tcpPort(each, "livenessProbe") !== undefined)
      .map((each) => ({ code: "native-liveness", detail: nameOf(each) })),
  };
}

/** The port a TCP probe dials in the pod; `undefined` for other probes and for those that dial another host. */
function tcpPort(container: Container, kind: string): number | undefined {
  const action = at(container, kind, "tcpSocket");
  if (!isObject(action) || (asString(action["host"]) ?? "") !== "") return undefined;
  const port = action["port"];
  if (typeof port === "number") return port;
  const declared = asArray(container["ports"]).find((entry) => at(entry, "name") === port);
  return asNumber(at(declared, "containerPort"));
}

function httpProbe(probe: unknown, index: number): unknown {
  const { tcpSocket: _, ...timing } = isObject(probe) ? probe : {};
  return { ...timing, httpGet: { path: `/probe/${index}`, port: PORT.admin, scheme: "HTTP" } };
}
