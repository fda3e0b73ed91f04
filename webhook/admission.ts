/** What is answered to each kind of request; look-ups on one side, the pure `inject` on the other. */
import type { LogFields } from "../core/host/log.ts";
import type { KubeClient } from "../core/kube/types.ts";
import { ADMISSION_LOOKUP_MS_MAX } from "../core/limits.ts";
import { sessionOfLease } from "../core/session.ts";
import type { PodNote } from "./events.ts";
import { inject, type InjectInput, type InjectResult, type SessionRecord } from "./inject.ts";
import type { JsonPatch } from "./patch.ts";
import type { Pod } from "./pod.ts";
import { describeSkip, describeWarning, isSilent } from "./reasons.ts";
import type { AdmissionRequest } from "./review.ts";
import { sessionOfPod } from "./session-images.ts";
import type { InjectSettings } from "./settings.ts";
import type { Spaces } from "./spaces.ts";

export interface Admitted {
  readonly operations: readonly JsonPatch[];
  /** What to tell the pod's author, after the answer. */
  readonly notes: readonly PodNote[];
  /** What to log. */
  readonly fields: LogFields;
}

export interface PodAdmission {
  readonly kube: KubeClient;
  readonly spaces: Spaces;
  readonly settings: InjectSettings;
}

const UNTOUCHED: Admitted = { operations: [], notes: [], fields: {} };

/** Rejects when the pod's spaces cannot be looked up; a session that cannot costs only what its record wishes. */
export async function admitPod(request: AdmissionRequest, ports: PodAdmission): Promise<Admitted> {
  if (request.operation !== "CREATE" || request.subResource !== "") return UNTOUCHED;
  const pod = request.object;
  const [around, record] = await Promise.all([
    surroundings(request.namespace, ports.spaces),
    recordOf(pod, request.namespace, ports.kube),
  ]);
  const result = inject({ pod, ...around, record, settings: ports.settings });
  const about = { pod, namespace: request.namespace };
  return {
    operations: result.operations,
    notes: request.dryRun ? [] : notesOf(result, about),
    fields: fieldsOf(result),
  };
}

async function surroundings(name: string, spaces: Spaces): Promise<Pick<InjectInput, "namespace" | "ancestors">> {
  const namespace = (await spaces.find(name)) ?? { name, labels: {} };
  return { namespace, ancestors: await spaces.ancestorsOf(namespace) };
}

async function recordOf(
  pod: Pod,
  namespace: string,
  kube: KubeClient,
): Promise<SessionRecord | "unreadable" | undefined> {
  const session = sessionOfPod(pod);
  if (session === undefined) return undefined;
  const path = `/apis/coordination.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/leases/${session}`;
  try {
    return sessionOfLease(await kube.find(path, AbortSignal.timeout(ADMISSION_LOOKUP_MS_MAX)));
  } catch {
    // The pod starts all the same: as image and chart say, perhaps on a node that must first fetch the image.
    return "unreadable";
  }
}

function notesOf(result: InjectResult, { pod, namespace }: Pick<PodNote, "pod" | "namespace">): readonly PodNote[] {
  if (result.kind === "patch") {
    return result.warnings.map((warning) => {
      return { type: "Warning", reason: "InjectionWarning", message: describeWarning(warning), pod, namespace };
    });
  }
  if (isSilent(result.reason)) return [];
  return [{ type: "Normal", reason: "InjectionSkipped", message: describeSkip(result.reason), pod, namespace }];
}

function fieldsOf(result: InjectResult): LogFields {
  if (result.kind === "skip") return { skipped: result.reason };
  return { injected: true, warnings: result.warnings.map((warning) => warning.code) };
}
