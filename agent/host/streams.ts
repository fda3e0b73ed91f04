/** What the agent serves: core/agent-protocol.ts. */
import { AGENT_STREAM, parseUpdateRequest, type ProbeAnswer } from "../../core/agent-protocol.ts";
import { AzdsError } from "../../core/errors.ts";
import { systemClock } from "../../core/host/clock.ts";
import { sendOutput } from "../../core/output.ts";
import { receiveTree } from "../../core/sync/receive.ts";
import type { ByteStream } from "../../core/wire/byte-stream.ts";
import { messageReader, sendMessage } from "../../core/wire/messages.ts";
import { sendBack } from "./back/send-back.ts";
import { isDebugged } from "./debugger.ts";
import type { LiveTree } from "./live-tree.ts";
import { tellingChanges } from "./telling-changes.ts";
import type { Output } from "./output.ts";
import { processes } from "./process-table.ts";
import type { StreamHandlers } from "./server.ts";
import type { StateFeed } from "./state-feed.ts";
import type { Supervisor } from "./supervisor.ts";
import type { UpdateQueue } from "./update-queue.ts";

export interface AgentParts {
  readonly output: Output;
  readonly states: StateFeed;
  readonly tree: LiveTree;
  readonly supervisor: Supervisor;
  readonly updates: UpdateQueue;
  /** Milliseconds since the epoch, from before the application was started. */
  readonly startedAt: number;
}

export function agentStreams({ output, states, tree, supervisor, updates, startedAt }: AgentParts): StreamHandlers {
  return {
    [AGENT_STREAM.output]: async (stream) => {
      for await (const chunk of output.read()) await sendOutput(stream, chunk);
      await stream.end();
    },
    [AGENT_STREAM.state]: async (stream) => {
      const leave = supervisor.join();
      try {
        for await (const state of states.follow(endOf(stream))) await sendMessage(stream, state);
        await stream.end();
      } finally {
        leave();
      }
    },
    [AGENT_STREAM.sync]: async (stream) => {
      await receiveTree(stream, tree.receiver);
    },
    [AGENT_STREAM.syncForUpdate]: async (stream) => {
      await receiveTree(
        stream,
        tellingChanges(tree.receiver, () => supervisor.fallBehind()),
      );
    },
    [AGENT_STREAM.syncBack]: async (stream) => sendBack(stream, { tree, startedAt, clock: systemClock }),
    [AGENT_STREAM.probe]: async (stream) => {
      await sendMessage(stream, probeAnswer(supervisor));
      await stream.end();
    },
    [AGENT_STREAM.update]: async (stream) => {
      const message = await messageReader(stream).next();
      if (message === undefined) throw new AzdsError("PROTOCOL", "The update stream ended before its request");
      await updates.run(parseUpdateRequest(message.head), (event) => sendMessage(stream, event));
      await stream.end();
    },
  };
}

/** The application leads a process group of its own. */
function groupOf(leader: number): readonly number[] {
  return processes().flatMap(({ pid, group }) => (group === leader ? [pid] : []));
}

/** An application that ended is still here only because somebody is about to mend it. */
function probeAnswer({ state }: Supervisor): ProbeAnswer {
  switch (state.kind) {
    case "starting":
      return { answer: false, why: "the application is being started" };
    case "updating":
      return { answer: true, why: "the application is being updated in place" };
    case "awaiting":
      return { answer: true, why: "the application is not started: a command is awaited in its place" };
    case "ended":
      return { answer: true, why: `the application ended with code ${state.code} and waits for the next save` };
    case "running":
      return isDebugged(groupOf(state.pid))
        ? { answer: true, why: "a debugger is at work in the application" }
        : { answer: false, why: "the application runs" };
  }
}

/** Aborted when the peer has ended or broken its side, on which it sends nothing. */
function endOf(stream: ByteStream): AbortSignal {
  const ended = new AbortController();
  const read = async (): Promise<void> => {
    while ((await stream.read()) !== undefined);
  };
  void read()
    .catch(() => {})
    .then(() => ended.abort());
  return ended.signal;
}
