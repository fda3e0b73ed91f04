/**
 * A session is one service under development in one space. Its record is a Lease `azds-<6 chars>` in the space,
 * labelled `azds.io/session`; a tag `azds-<6 chars>-<n>` names the session and counts its builds.
 */
import { SESSION_LABEL } from "./contract.ts";
import { type EditsSummary, parseSummary } from "./edits.ts";
import { asArray, asNumber, asString, at } from "./parse.ts";

/** `azds-` and six characters of [a-z0-9]. */
export type SessionId = string;

const TAG = /^(?<session>azds-[a-z0-9]{6})-(?<build>[1-9][0-9]{0,8})$/;

export interface SessionTag {
  readonly session: SessionId;
  readonly build: number;
}

export function formatTag(tag: SessionTag): string {
  return `${tag.session}-${tag.build}`;
}

/** The session and build that a tag names, or `undefined` for any other tag. */
export function parseTag(tag: string): SessionTag | undefined {
  const groups = TAG.exec(tag)?.groups;
  if (groups === undefined) return undefined;
  return { session: groups["session"] ?? "", build: Number(groups["build"]) };
}

/** Repository and tag of an image reference; a digest or a missing tag gives an empty tag. */
export function splitImage(image: string): { readonly repository: string; readonly tag: string } {
  const colon = image.lastIndexOf(":");
  if (colon < 0 || image.indexOf("/", colon) >= 0 || image.includes("@")) return { repository: image, tag: "" };
  return { repository: image.slice(0, colon), tag: image.slice(colon + 1) };
}

/** The session whose build `image` is, or `undefined` for an image of somebody else. */
export function sessionOfImage(image: string): SessionTag | undefined {
  return parseTag(splitImage(image).tag);
}

/** Lease annotations that hold the record; `spec.holderIdentity` and `spec.renewTime` hold owner and heartbeat. */
export const SESSION_ANNOTATION = {
  service: "azds.io/service",
  release: "azds.io/release",
  owner: "azds.io/owner",
  lastNode: "azds.io/last-node",
  build: "azds.io/build",
  /** `SessionContainer` as JSON. */
  container: "azds.io/container",
  /** Digest of all that the image and the release of the last build were made from. */
  inputs: "azds.io/inputs",
  /** `SessionEdits` as JSON. */
  edits: "azds.io/edits",
} as const;

/** What was brought into the running containers since the build. */
export interface SessionEdits extends EditsSummary {
  readonly build: number;
  /** Nodes whose builder has them. */
  readonly nodes: readonly string[];
  /** Pods into which the developer's command has brought them itself. */
  readonly pods: readonly string[];
}

/** What azds.yaml wants of the session's container; the webhook brings it about. All of it optional. */
export interface SessionContainer {
  /** Runs in place of what image and chart name; empty: they decide. */
  readonly command: readonly string[];
  /** Absolute folder in which synced files land; empty: the working directory. */
  readonly syncTarget: string;
  /** Absolute folder over which a volume is laid, filled from the image, because it could not be written; empty: none. */
  readonly volume: string;
  /** A developer is about to look after the pod: an application that ends waits for them. */
  readonly attended: boolean;
  /** Run before the application's start where files were put back that the image has not. */
  readonly buildCommands: readonly (readonly string[])[];
  /** The application is not started: `azds exec` runs what is wanted, such as a debugger. */
  readonly awaitExec: boolean;
}

export interface Session {
  readonly id: SessionId;
  readonly space: string;
  /** Name of the service as azds.yaml and the release carry it. */
  readonly service: string;
  readonly release: string;
  /** Who holds it, for people: `user@host`. */
  readonly owner: string;
  /** Process that holds it; empty when nobody is attached. */
  readonly holder: string;
  /** Milliseconds since the epoch of the last heartbeat; 0 when never. */
  readonly heartbeat: number;
  /** Node of the last build; empty before the first. */
  readonly lastNode: string;
  /** Number of the last build; 0 before the first. */
  readonly build: number;
  readonly container: SessionContainer;
  /** Of the last build; empty before it has come up. */
  readonly inputs: string;
  /** Absent while nothing was edited. */
  readonly edits?: SessionEdits | undefined;
}

export const PLAIN_CONTAINER: SessionContainer = {
  command: [],
  syncTarget: "",
  volume: "",
  attended: false,
  buildCommands: [],
  awaitExec: false,
};

/** Reads a Lease (coordination.k8s.io/v1); `undefined` when it is not a session's. */
export function sessionOfLease(lease: unknown): Session | undefined {
  const id = asString(at(lease, "metadata", "name"));
  const space = asString(at(lease, "metadata", "namespace"));
  if (id === undefined || space === undefined || at(lease, "metadata", "labels", SESSION_LABEL) === undefined)
    return undefined;
  const note = (key: string): string => asString(at(lease, "metadata", "annotations", key)) ?? "";
  return {
    id,
    space,
    service: note(SESSION_ANNOTATION.service),
    release: note(SESSION_ANNOTATION.release),
    owner: note(SESSION_ANNOTATION.owner),
    holder: asString(at(lease, "spec", "holderIdentity")) ?? "",
    heartbeat: Date.parse(asString(at(lease, "spec", "renewTime")) ?? "") || 0,
    lastNode: note(SESSION_ANNOTATION.lastNode),
    build: Number(note(SESSION_ANNOTATION.build)) || 0,
    container: parseContainer(note(SESSION_ANNOTATION.container)),
    inputs: note(SESSION_ANNOTATION.inputs),
    edits: parseEdits(note(SESSION_ANNOTATION.edits)),
  };
}

function parseEdits(text: string): SessionEdits | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const [summary, build] = [parseSummary(value), asNumber(at(value, "build"))];
    if (summary === undefined || build === undefined) return undefined;
    const names = (key: string): readonly string[] => asArray(at(value, key)).flatMap((name) => asString(name) ?? []);
    return { ...summary, build, nodes: names("nodes"), pods: names("pods") };
  } catch {
    return undefined;
  }
}

/** Somebody may have written anything into the annotation; what is not understood asks for nothing. */
function parseContainer(text: string): SessionContainer {
  try {
    const value: unknown = JSON.parse(text);
    return {
      command: words(at(value, "command")),
      syncTarget: asString(at(value, "syncTarget")) ?? "",
      volume: asString(at(value, "volume")) ?? "",
      attended: at(value, "attended") === true,
      buildCommands: asArray(at(value, "buildCommands")).map(words),
      awaitExec: at(value, "awaitExec") === true,
    };
  } catch {
    return PLAIN_CONTAINER;
  }
}

function words(list: unknown): readonly string[] {
  return asArray(list).flatMap((word) => asString(word) ?? []);
}

/** The Lease that records `session`; `namespace`, `name` and labels identify it for server-side apply. */
export function leaseOfSession(session: Session): Readonly<Record<string, unknown>> {
  return {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: {
      name: session.id,
      namespace: session.space,
      labels: { [SESSION_LABEL]: session.id, "app.kubernetes.io/part-of": "azds" },
      annotations: {
        [SESSION_ANNOTATION.service]: session.service,
        [SESSION_ANNOTATION.release]: session.release,
        [SESSION_ANNOTATION.owner]: session.owner,
        [SESSION_ANNOTATION.lastNode]: session.lastNode,
        [SESSION_ANNOTATION.build]: String(session.build),
        [SESSION_ANNOTATION.container]: JSON.stringify(session.container),
        [SESSION_ANNOTATION.inputs]: session.inputs,
        ...(session.edits === undefined ? {} : { [SESSION_ANNOTATION.edits]: JSON.stringify(session.edits) }),
      },
    },
    spec: {
      // The API refuses an empty name; absent is the word for nobody.
      ...(session.holder === "" ? {} : { holderIdentity: session.holder }),
      ...(session.heartbeat === 0 ? {} : { renewTime: microTime(session.heartbeat) }),
    },
  };
}

/** Kubernetes' MicroTime: RFC 3339 with six digits of fraction. */
function microTime(epochMs: number): string {
  return new Date(epochMs).toISOString().replace(/(\.\d{3})Z$/, "$1000Z");
}
