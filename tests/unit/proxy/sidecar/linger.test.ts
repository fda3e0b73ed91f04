import { describe, expect, test } from "bun:test";
import { LINGER_MS_MAX, LINGER_MS_MIN, LINGER_QUIET_MS, READY_MS_MAX } from "../../../../core/limits.ts";
import { hasForeignSocket, linger } from "../../../../proxy/sidecar/linger.ts";
import { waitUntil } from "../../../../proxy/sidecar/ready.ts";
import { manualClock } from "../../../fakes/clock.ts";

const HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const line = (state: string, uid: number, inode: number): string =>
  `   0: 0100007F:1F90 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000  ${uid}        0 ${inode} 1 0000000000000000 100 0 0 10 0\n`;

describe("hasForeignSocket()", () => {
  test("sees sockets of other users, whatever they do", () => {
    expect(hasForeignSocket(HEADER + line("0A", 0, 77))).toBeTrue();
    expect(hasForeignSocket(HEADER + line("01", 1000, 77))).toBeTrue();
  });

  test("overlooks the sidecar's own, those in TIME_WAIT and those without inode", () => {
    expect(hasForeignSocket(HEADER + line("01", 19000, 77) + line("06", 0, 77) + line("01", 0, 0))).toBeFalse();
    expect(hasForeignSocket(HEADER)).toBeFalse();
    expect(hasForeignSocket("")).toBeFalse();
  });
});

async function unreachable(): Promise<boolean> {
  throw new Error("Nobody is there");
}

/** Milliseconds that the sidecar stays when foreign sockets exist at the times for which `used` says so. */
async function until(
  used: (elapsed: number) => boolean,
  node: (elapsed: number) => Promise<boolean> = unreachable,
): Promise<number> {
  const clock = manualClock();
  const begin = clock.now();
  const sockets = async (): Promise<readonly string[]> => [
    used(clock.now() - begin) ? HEADER + line("01", 1000, 7) : HEADER,
  ];
  const running = async (): Promise<boolean> => node(clock.now() - begin);
  const done = linger({ clock, running, sockets }).then(() => clock.now() - begin);
  for (let elapsed = 0; elapsed < 2 * LINGER_MS_MAX; elapsed += 100) {
    await clock.advance(100);
    const ended = await Promise.race([done, Promise.resolve(undefined)]);
    if (ended !== undefined) return ended;
  }
  return Number.NaN;
}

describe("linger()", () => {
  test("stays the shortest time without sockets", async () => {
    const ended = await until(() => false);
    expect(ended).toBeGreaterThanOrEqual(LINGER_MS_MIN);
    expect(ended).toBeLessThan(LINGER_MS_MIN + 500);
  });

  test("stays until the last socket has been gone for a while", async () => {
    const ended = await until((elapsed) => elapsed < 5_000 || (elapsed > 5_300 && elapsed < 6_000));
    expect(ended).toBeGreaterThanOrEqual(6_000 + LINGER_QUIET_MS);
    expect(ended).toBeLessThan(7_500);
  });

  test("leaves at once when the node says that the application has ended, whatever sockets are left", async () => {
    expect(
      await until(
        () => true,
        async () => false,
      ),
    ).toBeLessThan(LINGER_MS_MIN);
  });

  test("stays as long as the node says that it runs, also without any socket", async () => {
    const clock = manualClock();
    const answers = [true, true, false].map(() => Promise.withResolvers<boolean>());
    let asked = 0;
    let gone = false;
    const running = async (): Promise<boolean> => answers[asked++]?.promise ?? false;
    const done = linger({ clock, running, sockets: async () => [HEADER] }).then(() => (gone = true));
    for (const answer of answers.slice(0, 2)) {
      await clock.advance(LINGER_MS_MAX);
      expect(gone).toBeFalse();
      answer.resolve(true);
    }
    await clock.advance(LINGER_MS_MAX);
    answers[2]?.resolve(false);
    await done;
  });

  test("goes by the sockets again when the node is lost meanwhile", async () => {
    let asked = 0;
    const node = async (): Promise<boolean> => (asked++ === 0 ? true : unreachable());
    expect(await until((elapsed) => elapsed < 5_000, node)).toBeGreaterThanOrEqual(5_000 + LINGER_QUIET_MS);
  });

  test("leaves at last although sockets stay", async () => {
    expect(await until(() => true)).toBeLessThan(LINGER_MS_MAX + 500);
  });
});

describe("waitUntil()", () => {
  test("ends with the first yes", async () => {
    const clock = manualClock();
    let asked = 0;
    const done = waitUntil(clock, async () => (asked += 1) === 3, READY_MS_MAX);
    await clock.advance(100);
    await done;
    expect(asked).toBe(3);
  });

  test("ends without one in time", async () => {
    const clock = manualClock();
    const done = waitUntil(clock, async () => false, READY_MS_MAX);
    await clock.advance(READY_MS_MAX + 100);
    await done;
  });
});
