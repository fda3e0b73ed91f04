/** Containers whose image is a session's build: they run the image of the node's own store, under the agent. */
import { AGENT_FOLDER, AGENT_VOLUME, EXECUTABLE, PROGRAM } from "../core/contract.ts";
import { localImage } from "../core/builder-protocol.ts";
import { asArray, asString } from "../core/parse.ts";
import { sessionOfImage, type SessionId } from "../core/session.ts";
import { containersOf, initContainersOf, type Container, type Pod } from "./pod.ts";

export interface SessionImages {
  /** Of the first container that has one. */
  readonly session: SessionId;
  /** Further sessions named by tags of the same pod; normally none. */
  readonly others: readonly SessionId[];
  /** Each image once, as the node's store knows it, in the order of the containers. */
  readonly images: readonly string[];
}

/** The session that `pod` belongs to, or `undefined` when no image of it is a session's. */
export function sessionImages(pod: Pod, namespace: string): SessionImages | undefined {
  const found = [...containersOf(pod), ...initContainersOf(pod)].flatMap((container) => {
    const image = asString(container["image"]) ?? "";
    const tag = sessionOfImage(image);
    return tag === undefined ? [] : [{ session: tag.session, image: localImage(namespace, image) }];
  });
  const [session, ...others] = new Set(found.map((entry) => entry.session));
  if (session === undefined) return undefined;
  return { session, others, images: [...new Set(found.map((entry) => entry.image))] };
}

/** A container with the image of the node's own store; any other container comes back as it is. */
export function withNodeImage(container: Container, namespace: string): Container {
  const image = asString(container["image"]) ?? "";
  if (sessionOfImage(image) === undefined) return container;
  return { ...container, image: localImage(namespace, image), imagePullPolicy: "Never" };
}

/**
 * The same, started by the agent: `__agent --image REF [--entrypoint-from-image] [--cmd-from-image] -- WORD…`. The flags
 * say what the agent puts before the words from IMAGE_CONFIG_FILE, by Kubernetes' rule: `command` replaces ENTRYPOINT and
 * CMD, `args` alone replaces CMD (kubernetes.io, "Define a Command and Arguments for a Container").
 * `args` keeps every word, so that the kubelet expands `$(VARIABLE)` in them as before.
 */
export function underAgent(container: Container, namespace: string): Container {
  if (sessionOfImage(asString(container["image"]) ?? "") === undefined) return container;
  const local = withNodeImage(container, namespace);
  const command = asArray(container["command"]);
  const args = asArray(container["args"]);
  const flags = command.length > 0 ? [] : ["--entrypoint-from-image", ...(args.length > 0 ? [] : ["--cmd-from-image"])];
  return {
    ...local,
    command: [EXECUTABLE, PROGRAM.agent, "--image", local["image"], ...flags, "--"],
    args: [...command, ...args],
    volumeMounts: [...asArray(container["volumeMounts"]), { name: AGENT_VOLUME, mountPath: AGENT_FOLDER }],
  };
}
