import { describe, expect, test } from "bun:test";
import { EventLoop, type TakesTurns } from "../../../../proxy/tcp/event-loop.ts";
import { AF_UNIX, EPOLLET, EPOLLIN, STREAM_SOCKET } from "../../../../proxy/tcp/libc.ts";

const loop = new EventLoop();
const byte = new Uint8Array(new ArrayBuffer(1));

function pair(): readonly [number, number] {
  const both = new Int32Array(new ArrayBuffer(8));
  loop.libc.socketpair(AF_UNIX, STREAM_SOCKET, 0, both);
  return [both[0] ?? -1, both[1] ?? -1];
}

function send(descriptor: number): void {
  loop.libc.send(descriptor, byte, 1, 0);
}

function watched(ready: () => void, turn = (): void => {}): TakesTurns {
  return { ready, turn, fault: () => {} };
}

describe("EventLoop", () => {
  test("tells of a descriptor that is ready, while the process does other things as well", async () => {
    const [near, far] = pair();
    const told: number[] = [];
    loop.watch(
      near,
      EPOLLIN | EPOLLET,
      watched(() => void told.push(told.length)),
    );
    for (const i of [0, 1, 2]) {
      send(far);
      while (!told.includes(i)) await Bun.sleep(1);
    }
    expect(told).toEqual([0, 1, 2]);
    loop.forget(near);
  });

  test("gives turns in order, one each", async () => {
    const order: string[] = [];
    const again = (name: string, times: number): TakesTurns => {
      let left = times;
      const self = watched(
        () => {},
        () => {
          order.push(name);
          left -= 1;
          if (left > 0) loop.later(self);
        },
      );
      return self;
    };
    loop.later(again("a", 3));
    loop.later(again("b", 2));
    while (order.length < 5) await Bun.sleep(1);
    expect(order).toEqual(["a", "b", "a", "b", "a"]);
  });

  test("lets promises settle between the turns", async () => {
    const order: string[] = [];
    const later = watched(
      () => {},
      () => void order.push("turn"),
    );
    const first = watched(
      () => {},
      () => {
        void Promise.resolve().then(() => order.push("promise"));
        loop.later(later);
      },
    );
    loop.later(first);
    while (order.length < 2) await Bun.sleep(1);
    expect(order).toEqual(["promise", "turn"]);
  });

  test("does not tell a descriptor what was meant for another of its number", async () => {
    const [near, far] = pair();
    const told: string[] = [];
    loop.watch(
      near,
      EPOLLIN,
      watched(() => void told.push("old")),
    );
    send(far);
    loop.forget(near);
    loop.libc.close(near);
    const [reused, other] = pair();
    expect(reused).toBe(near);
    loop.watch(
      reused,
      EPOLLIN | EPOLLET,
      watched(() => void told.push("new")),
    );
    await Bun.sleep(5);
    expect(told).toEqual([]);
    send(other);
    while (told.length === 0) await Bun.sleep(1);
    expect(told).toEqual(["new"]);
    loop.forget(reused);
  });

  test("lets all others go before those that bring much", async () => {
    const order: string[] = [];
    const named = (name: string): TakesTurns =>
      watched(
        () => {},
        () => void order.push(name),
      );
    for (const name of ["bulk 1", "bulk 2"]) loop.behind(named(name));
    const small = watched(
      () => {},
      () => {
        order.push("small");
        if (order.length < 4) loop.later(small);
      },
    );
    loop.later(small);
    while (order.length < 5) await Bun.sleep(1);
    expect(order).toEqual(["small", "bulk 1", "small", "bulk 2", "small"]);
  });

  test("goes on with the others when one throws", async () => {
    const program = `
      import { EventLoop } from "${import.meta.dir}/../../../../proxy/tcp/event-loop.ts";
      const loop = new EventLoop();
      process.on("uncaughtException", (error) => console.log("uncaught", error.message));
      const watched = (turn) => ({ ready: () => {}, turn, fault: () => console.log("fault") });
      loop.later(watched(() => { throw new Error("first"); }));
      loop.later(watched(() => { console.log("second"); setTimeout(() => process.exit(0), 20); }));
    `;
    const child = Bun.spawn([process.execPath, "-e", program], { stdout: "pipe", stderr: "inherit" });
    expect(await child.stdout.text()).toBe("fault\nsecond\nuncaught first\n");
  });
});
