/** An agent as a process of its own, and a client of it as the CLI is one. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AgentOptions } from "../../../../agent/host/main.ts";
import {
  AGENT_STREAM,
  type AgentState,
  type UpdateEvent,
  type UpdateRequest,
  parseAgentState,
  parseUpdateEvent,
} from "../../../../core/agent-protocol.ts";
import { systemClock } from "../../../../core/host/clock.ts";
import { messageReader, sendMessage } from "../../../../core/wire/messages.ts";
import { type Mux, createMux } from "../../../../core/wire/mux.ts";
import { streamOfSocket } from "../../../../core/wire/socket-stream.ts";

const PROGRAM = join(import.meta.dir, "agent-program.ts");

export interface Place {
  readonly folder: string;
  /** Sync target. */
  readonly target: string;
}

/** With a folder for one test, removed afterwards. */
/**
 * What an application of a test does at its end. It ends by itself: an agent that is killed by force leaves it behind,
 * since tests have no PID namespace that ends with it.
 */
export const LINGER = "for _ in $(seq 400); do sleep 0.05; done";

export async function withPlace(work: (place: Place) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "agent-"));
  const target = join(folder, "target");
  mkdirSync(target);
  writeFileSync(join(folder, "images.json"), "{}");
  try {
    await work({ folder, target });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export type AgentProcess = Bun.Subprocess<"ignore", "pipe", "pipe">;

export interface StartOptions {
  readonly place: Place;
  readonly script: string;
  readonly hold?: boolean;
  readonly attended?: boolean;
  readonly edited?: boolean;
  readonly "await-exec"?: boolean;
  readonly buildCommands?: readonly (readonly string[])[];
  readonly options?: AgentOptions;
}

export function startAgent({ place, script, options = {}, buildCommands = [], ...start }: StartOptions): AgentProcess {
  rmSync(join(place.folder, "port"), { force: true });
  const flags = (["hold", "attended", "edited", "await-exec"] as const).flatMap((name) =>
    start[name] === true ? [`--${name}`] : [],
  );
  const words = ["--image", "web", "--sync-target", place.target, ...flags, "--build", JSON.stringify(buildCommands)];
  const argv = ["0", join(place.folder, "images.json"), ...words, "--", "sh", "-c", script];
  return Bun.spawn([process.execPath, PROGRAM, ...argv], {
    cwd: place.folder,
    env: { PATH: "/usr/bin:/bin", AGENT_TEST_OPTIONS: JSON.stringify(options) },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

/** Once the agent listens. */
export async function connectAgent(place: Place): Promise<Mux> {
  const file = join(place.folder, "port");
  while (!existsSync(file)) await systemClock.sleep(5);
  const socket = connect({ port: Number(readFileSync(file, "utf8")), host: "127.0.0.1" });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve).once("error", reject);
  });
  return createMux(streamOfSocket(socket), { role: "client" });
}

export interface StateReader {
  /** The next state that is so. */
  readonly until: (wanted: (state: AgentState) => boolean) => Promise<AgentState>;
}

/** Follows the state from now on, which also makes this a client that the agent holds its container for. */
export function followState(mux: Mux): StateReader {
  const reader = messageReader(mux.open(AGENT_STREAM.state));
  return {
    until: async (wanted) => {
      for (;;) {
        const message = await reader.next();
        if (message === undefined) throw new Error("The agent ended its states");
        const state = parseAgentState(message.head);
        if (wanted(state)) return state;
      }
    },
  };
}

export async function update(mux: Mux, request: Partial<UpdateRequest>): Promise<readonly UpdateEvent[]> {
  const stream = mux.open(AGENT_STREAM.update);
  await sendMessage(stream, { processesToKill: [], buildCommands: [], restart: false, ...request });
  const reader = messageReader(stream);
  const events: UpdateEvent[] = [];
  for (let message = await reader.next(); message !== undefined; message = await reader.next()) {
    events.push(parseUpdateEvent(message.head));
  }
  return events;
}
