import { expect, test } from "bun:test";
import { join } from "node:path";

test("the live view asks, scrolls lines, stops with q and leaves the terminal with the failure below it", async () => {
  let screen = "";
  const seen = new Map<string, () => void>();
  const shows = (text: string): Promise<void> => new Promise((resolve) => void seen.set(text, resolve));
  const waiting = [shows("Go on? (y/N):"), shows("answered true")];
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "live-program.tsx")], {
    // Ink shows only the last frame where it takes the surroundings for a build server.
    env: { PATH: Bun.env["PATH"] ?? "", TERM: "xterm-256color", CI: "false", NO_COLOR: "1" },
    terminal: {
      cols: 80,
      rows: 24,
      data: (_, bytes) => {
        screen += new TextDecoder().decode(bytes);
        for (const [text, resolve] of seen) if (screen.includes(text)) resolve();
      },
    },
  });
  await waiting[0];
  child.terminal?.write("y\r");
  await waiting[1];
  child.terminal?.write("q");
  expect(await child.exited).toBe(7);
  expect(Bun.stripANSI(screen)).toContain("web-1: answered true");
  expect(Bun.stripANSI(screen)).toContain("error[CONNECTION_LOST]: It is over");
  // DECTCEM: the cursor is visible again.
  expect(screen.lastIndexOf("\u001B[?25h")).toBeGreaterThan(screen.lastIndexOf("\u001B[?25l"));
}, 20_000);
