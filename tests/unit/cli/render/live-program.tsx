/** A program with the live view, for the test that runs it at a terminal. */
import { systemClock } from "../../../../core/host/clock.ts";
import { liveRenderer } from "../../../../cli/render/tui/mount.tsx";

const stop = new AbortController();
const output = {
  isTty: true,
  columns: 80,
  drained: async () => {},
  write: (text: string): void => void process.stdout.write(text),
};
const renderer = liveRenderer({
  clock: systemClock,
  env: {},
  stdout: output,
  stderr: output,
  yes: false,
  stop: () => stop.abort(),
});
renderer.emit({ type: "message", level: "info", text: "Using dev space 'dev'" });
const agreed = await renderer.ask({
  kind: "confirm",
  id: "q",
  text: "Go on?",
  whenEmpty: false,
  whenUnattended: false,
});
renderer.emit({ type: "log", pod: "web-1", container: "web", stream: "stdout", text: `answered ${agreed}` });
await new Promise((resolve) => stop.signal.addEventListener("abort", resolve));
renderer.emit({ type: "failed", code: "CONNECTION_LOST", message: "It is over", hint: "" });
await renderer.close();
process.exitCode = 7;
