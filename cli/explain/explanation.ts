/** The way of a request as `azds route explain` tells it, for people and as JSON. */
import type { RouteReason } from "../../core/routing.ts";
import type { SpaceSource } from "../../core/trace.ts";

/** Who reads the request first: the sidecar of a pod, or one of the ways in from outside. */
export type Entry = "pod" | "local-gateway" | "gateway" | "ingress" | "http-route";

/** One fact on the way, with its cause. */
export interface Step {
  readonly step: string;
  readonly what: string;
  readonly why: string;
}

export interface Target {
  /** `<namespace>/<name>`; absent for an address of no Service that is known. */
  readonly service?: string;
  readonly address: string;
  readonly port: number;
}

export interface PodLine {
  /** Empty where none is known by that address. */
  readonly name: string;
  readonly namespace: string;
  readonly address: string;
  /** `Ready`, or why it is not. */
  readonly status: string;
  readonly sidecar: boolean;
  readonly note: string;
}

export interface Explanation {
  readonly entry: Entry;
  readonly steps: readonly Step[];
  /** The space of the request; absent: none is named. */
  readonly space?: string;
  readonly source?: SpaceSource;
  /** `space` is none of this tree and is ignored. */
  readonly unknownSpace?: true;
  /** Of the last sidecar or gateway that had something to decide. */
  readonly reason: RouteReason;
  /** Absent: nobody answers. */
  readonly answer?: Target;
  /** Tried next, in this order, should the answer's pods refuse the connection. */
  readonly otherwise: readonly Target[];
  readonly pods: readonly PodLine[];
}
