/**
 * Probes that the sidecar makes in the kubelet's place (core/sidecar-config.ts, `probes`): they become HTTP probes of its
 * admin port. TCP probes, because they lie behind the redirect: the sidecar accepts every connection, so a closed port
 * would look open. In the session's container also HTTP and gRPC probes that decide over its life, so that the agent can
 * speak for an application that is being updated; readiness keeps telling the truth.
 *
 * Invariant: in native sidecars only the readiness probe is moved. They run before `devspaces-proxy`: a moved startup
 * probe would hold back the very init container that its answer needs, and a moved liveness probe would kill them.
 */
import { PORT } from "../core/contract.ts";
import { asArray, asNumber, asString, at, isObject } from "../core/parse.ts";
import { parseHttpProbe, type ProbeSpec } from "../core/sidecar-config.ts";
import { isNativeSidecar, nameOf, type Container } from "./pod.ts";
import type { Warning } from "./reasons.ts";

export interface PodContainers {
  readonly initContainers: readonly Container[];
  readonly containers: readonly Container[];
}

export interface MovedProbes extends PodContainers {
  /** What `/probe/<index>` stands for. */
  readonly probes: readonly ProbeSpec[];
  readonly warnings: readonly Warning[];
}

const OF_LIFE: readonly string[] = ["startupProbe", "livenessProbe"];
const PROBES: readonly string[] = [...OF_LIFE, "readinessProbe"];
/** Kubernetes' default of `timeoutSeconds`. */
const TIMEOUT_SECONDS = 1;

/**
 * Numbers follow the order of the containers, init containers first, and the order of PROBES in each.
 * @param attended name of the container whose agent may answer; none where its author does not want that
 */
export function moveProbes(pod: PodContainers, attended: string | undefined): MovedProbes {
  const probes: ProbeSpec[] = [];
  const move = (container: Container, kinds: readonly string[]): Container => {
    const moved = kinds.flatMap((kind) => {
      const agent = nameOf(container) === attended && OF_LIFE.includes(kind);
      const spec = specOf(container, kind, agent);
      return spec === undefined ? [] : [[kind, adminProbe(container[kind], probes.push(spec) - 1)] as const];
    });
    return moved.length === 0 ? container : { ...container, ...Object.fromEntries(moved) };
  };
  const native = pod.initContainers.filter(isNativeSidecar);
  return {
    initContainers: pod.initContainers.map((each) => (isNativeSidecar(each) ? move(each, ["readinessProbe"]) : each)),
    containers: pod.containers.map((each) => move(each, PROBES)),
    probes,
    warnings: native
      .filter((each) => specOf(each, "livenessProbe", false) !== undefined)
      .map((each) => ({ code: "native-liveness", detail: nameOf(each) })),
  };
}

/** `undefined` for probes that stay: of another kind, of another host, or of a port that nothing names. */
function specOf(container: Container, kind: string, agent: boolean): ProbeSpec | undefined {
  const probe = container[kind];
  const [tcp, http, grpc] = [at(probe, "tcpSocket"), at(probe, "httpGet"), at(probe, "grpc")];
  const action = tcp ?? (agent ? (http ?? grpc) : undefined);
  if (!isObject(action) || (asString(action["host"]) ?? "") !== "") return undefined;
  const port = portOf(container, action["port"]);
  if (port === undefined) return undefined;
  return {
    port,
    ...(action === http ? { http: parseHttpProbe(http) } : {}),
    ...(action === grpc ? { grpc: asString(at(grpc, "service")) ?? "" } : {}),
    timeoutMs: (asNumber(at(probe, "timeoutSeconds")) ?? TIMEOUT_SECONDS) * 1000,
    agent,
  };
}

/** A port's number or its name among the container's ports. */
function portOf(container: Container, port: unknown): number | undefined {
  if (typeof port === "number") return port;
  const declared = asArray(container["ports"]).find((entry) => at(entry, "name") === port);
  return asNumber(at(declared, "containerPort"));
}

function adminProbe(probe: unknown, index: number): unknown {
  const { tcpSocket: _, httpGet: __, grpc: ___, ...timing } = isObject(probe) ? probe : {};
  return { ...timing, httpGet: { path: `/probe/${index}`, port: PORT.admin, scheme: "HTTP" } };
}
