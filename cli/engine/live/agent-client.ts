/** One connection to the agent in a session's container, by port-forward: its state, the sync of its files, updates. */
import {
  AGENT_STREAM,
  type AgentState,
  parseAgentState,
  parseUpdateEvent,
  SYNC_TREE,
  type UpdateEvent,
  type UpdateRequest,
} from "../../../core/agent-protocol.ts";
import { PORT } from "../../../core/contract.ts";
import { AzdsError } from "../../../core/errors.ts";
import { openPortForward } from "../../../core/kube/port-forward.ts";
import type { KubeClient } from "../../../core/kube/types.ts";
import { type BackTaker, followBack } from "../../../core/sync/back.ts";
import type { Manifest } from "../../../core/sync/manifest.ts";
import { type ChangesResult, sendChanges } from "../../../core/sync/send-changes.ts";
import { sendTree, type SyncResult } from "../../../core/sync/send.ts";
import type { ByteStream } from "../../../core/wire/byte-stream.ts";
import { messageReader, sendMessage } from "../../../core/wire/messages.ts";
import { createMux, type Mux } from "../../../core/wire/mux.ts";
import type { SourceTree, TreeChange } from "./source-tree.ts";

export interface AgentClient {
  /** What it said last. */
  readonly state: () => AgentState;
  /** Settles when the connection is over, however it ends. */
  readonly closed: Promise<unknown>;
  /** Brings the target to the manifest of files below `root`. */
  readonly sync: (root: string, manifest: Manifest, effect: Effect) => Promise<SyncResult>;
  /** Brings a difference to the revision `base`; `stale` when that is not what the container has. */
  readonly change: (tree: SourceTree, change: TreeChange, to: ChangeTo) => Promise<ChangesResult>;
  /** Resolves with the milliseconds it took in the container. @throws AzdsError UPDATE_FAILED, CONNECTION_LOST */
  readonly update: (request: UpdateRequest, onEvent: (event: UpdateEvent) => void) => Promise<number>;
  /** Follows the files that these globs name until the connection ends. @throws AzdsError as `followBack` does */
  readonly followBack: (globs: readonly string[], taker: BackTaker) => Promise<void>;
  readonly close: () => Promise<void>;
}

/** When files that are brought take effect: with an `update` the container remembers that it is owed one until it came. */
export type Effect = "at once" | "with update";

export interface ChangeTo {
  /** Revision that the difference starts from. */
  readonly base: string;
  readonly effect: Effect;
}

export interface AgentTarget {
  readonly namespace: string;
  readonly pod: string;
  readonly signal: AbortSignal;
  /** Called with the first state before the client is handed out, and with each that follows. */
  readonly onState: (state: AgentState) => void;
}

/** @throws AzdsError CONNECTION_LOST while the agent does not listen, PROTOCOL */
export async function openAgentClient(kube: KubeClient, target: AgentTarget): Promise<AgentClient> {
  const { namespace, pod, signal } = target;
  const carrier = await openPortForward(kube.connection, { namespace, pod, port: PORT.agent, signal });
  const mux = createMux(carrier, { role: "client" });
  try {
    const states = messageReader(mux.open(AGENT_STREAM.state));
    const first = await states.next();
    if (first === undefined) throw new AzdsError("CONNECTION_LOST", "The agent ended the connection");
    return clientOf(mux, { target, states, first: parseAgentState(first.head) });
  } catch (error) {
    await mux.close();
    throw error;
  }
}

interface Opened {
  readonly target: AgentTarget;
  readonly states: ReturnType<typeof messageReader>;
  readonly first: AgentState;
}

function clientOf(mux: Mux, { target, states, first }: Opened): AgentClient {
  const { signal } = target;
  let state = first;
  target.onState(first);
  const follow = async (): Promise<void> => {
    for (let message = await states.next(); message !== undefined; message = await states.next()) {
      state = parseAgentState(message.head);
      target.onState(state);
    }
  };
  // The end of this stream is the end of the agent: the connection goes with it.
  void follow()
    .catch(() => undefined)
    .then(() => mux.close());
  const openSync = (effect: Effect): ByteStream =>
    mux.open(effect === "at once" ? AGENT_STREAM.sync : AGENT_STREAM.syncForUpdate);
  return {
    state: () => state,
    closed: mux.closed,
    sync: async (root, manifest, effect) => sendTree(openSync(effect), { tree: SYNC_TREE, root, manifest, signal }),
    change: async (tree, { write, remove }, { base, effect }) =>
      sendChanges(openSync(effect), { tree: SYNC_TREE, root: tree.root, base, write, remove, signal }),
    update: async (request, onEvent) => runUpdate(mux, request, onEvent),
    followBack: async (globs, taker) => followBack(mux.open(AGENT_STREAM.syncBack), globs, taker),
    close: async () => mux.close(),
  };
}

async function runUpdate(mux: Mux, request: UpdateRequest, onEvent: (event: UpdateEvent) => void): Promise<number> {
  const stream = mux.open(AGENT_STREAM.update);
  await sendMessage(stream, request);
  const reader = messageReader(stream);
  for (let message = await reader.next(); message !== undefined; message = await reader.next()) {
    const event = parseUpdateEvent(message.head);
    onEvent(event);
    if (event.type === "done") return event.ms;
    if (event.type === "failed") throw new AzdsError(event.code, event.message);
  }
  throw new AzdsError("CONNECTION_LOST", "The agent ended the connection before the update was done");
}
