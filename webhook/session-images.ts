/** Containers whose image is a session's build: they run the image that the builder made, under the agent. */
import { AGENT_FOLDER, AGENT_VOLUME, EXECUTABLE, PROGRAM } from "../core/contract.ts";
import { builtImage, type ImageHome, isInRegistry } from "../core/builder-protocol.ts";
import { asArray, asString } from "../core/parse.ts";
import { sessionOfImage, type SessionContainer, type SessionId } from "../core/session.ts";
import { containersOf, initContainersOf, nameOf, type Container, type Pod } from "./pod.ts";

export interface SessionImages {
  /** Of the first container that has one. */
  readonly session: SessionId;
  /** The builds of it that the pod runs. */
  readonly builds: readonly number[];
  /** Further sessions named by tags of the same pod; normally none. */
  readonly others: readonly SessionId[];
  /** Each image once, as the builder calls it, in the order of the containers. */
  readonly images: readonly string[];
  /** Name of the container that the session is about: the first that runs an image of it. Init containers do not count. */
  readonly main: string | undefined;
}

/** The session that `pod` belongs to, or `undefined` when no image of it is a session's. */
export function sessionImages(pod: Pod, home: ImageHome): SessionImages | undefined {
  const found = [...containersOf(pod), ...initContainersOf(pod)].flatMap((container) => {
    const image = asString(container["image"]) ?? "";
    const tag = sessionOfImage(image);
    return tag === undefined ? [] : [{ ...tag, image: builtImage(home, image) }];
  });
  const [session, ...others] = new Set(found.map((entry) => entry.session));
  if (session === undefined) return undefined;
  const main = containersOf(pod).find(hasSessionImage);
  return {
    session,
    builds: found.filter((entry) => entry.session === session).map(({ build }) => build),
    others,
    images: [...new Set(found.map((entry) => entry.image))],
    main: main === undefined ? undefined : nameOf(main),
  };
}

/** The session of the first image that has one. */
export function sessionOfPod(pod: Pod): SessionId | undefined {
  const container = [...containersOf(pod), ...initContainersOf(pod)].find(hasSessionImage);
  return sessionOfImage(asString(container?.["image"]) ?? "")?.session;
}

function hasSessionImage(container: Container): boolean {
  return sessionOfImage(asString(container["image"]) ?? "") !== undefined;
}

/** A container with the image that the builder made; any other container comes back as it is. */
export function withBuiltImage(container: Container, home: ImageHome): Container {
  if (!hasSessionImage(container)) return container;
  const image = builtImage(home, asString(container["image"]) ?? "");
  // A tag is built once, so what a node has of it is right; no registry has what only the nodes' own stores hold.
  return {
    ...container,
    image,
    imagePullPolicy: isInRegistry(home.prefix) ? "IfNotPresent" : "Never",
  };
}

export interface AgentStart extends Pick<
  SessionContainer,
  "command" | "syncTarget" | "attended" | "buildCommands" | "awaitExec"
> {
  readonly home: ImageHome;
  /** The container is started again when it ends, so the agent may as well wait in it for the next update. */
  readonly hold: boolean;
  /** The pod may start with what was edited in one before it. */
  readonly edited: boolean;
}

/**
 * The same, started by the agent: `__agent --image REF [--entrypoint-from-image] [--cmd-from-image] [--hold] [--attended]
 * [--sync-target FOLDER] [--edited] [--build COMMANDS] [--await-exec] -- WORD…`. The flags about the image say what the agent puts before the words from
 * IMAGE_CONFIG_FILE, by Kubernetes' rule: `command` replaces ENTRYPOINT and CMD, `args` alone replaces CMD
 * (kubernetes.io, "Define a Command and Arguments for a Container"); a command of the session replaces all of it.
 * `args` keeps every word, so that the kubelet expands `$(VARIABLE)` in them as before.
 */
export function underAgent(container: Container, start: AgentStart): Container {
  if (!hasSessionImage(container)) return container;
  const local = withBuiltImage(container, start.home);
  const [command, args] =
    start.command.length > 0 ? [start.command, []] : [asArray(container["command"]), asArray(container["args"])];
  const flags = [
    ...(command.length > 0 ? [] : ["--entrypoint-from-image", ...(args.length > 0 ? [] : ["--cmd-from-image"])]),
    ...(start.hold ? ["--hold"] : []),
    ...(start.hold && start.attended ? ["--attended"] : []),
    ...(start.syncTarget === "" ? [] : ["--sync-target", literalWord(start.syncTarget)]),
    ...(start.edited ? ["--edited"] : []),
    ...(start.buildCommands.length === 0 ? [] : ["--build", literalWord(JSON.stringify(start.buildCommands))]),
    ...(start.awaitExec ? ["--await-exec"] : []),
  ];
  return {
    ...local,
    command: [EXECUTABLE, PROGRAM.agent, "--image", local["image"], ...flags, "--"],
    args: [...command, ...args],
    volumeMounts: [...asArray(container["volumeMounts"]), { name: AGENT_VOLUME, mountPath: AGENT_FOLDER }],
  };
}

/** The word as the kubelet must read it to pass it on unchanged: `$$` stands for `$`. */
export function literalWord(word: string): string {
  return word.replaceAll("$", () => "$$");
}
