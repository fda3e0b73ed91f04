import { expect, test } from "bun:test";
import { type RoomPorts, roomMaker } from "../../../builder/make-room.ts";

function portsWith(part: Partial<RoomPorts>): RoomPorts {
  return {
    run: async () => ({ code: 0, stdout: "", stderr: "" }),
    buildctl: { file: "buildctl", socket: "/s.sock" },
    env: {},
    log: () => undefined,
    cleanSources: async () => undefined,
    ...part,
  };
}

test("those who ask at once share one cleaning; who asks later gets another", async () => {
  const ran: (readonly string[])[] = [];
  const makeRoom = roomMaker(
    portsWith({
      run: async (argv) => {
        ran.push(argv);
        return { code: 0, stdout: "", stderr: "" };
      },
    }),
  );
  await Promise.all([makeRoom(), makeRoom()]);
  expect(ran).toEqual([["buildctl", "--addr", "unix:///s.sock", "prune"]]);
  await makeRoom();
  expect(ran).toHaveLength(2);
});

test("what fails of it does not stop the rest", async () => {
  let pruned = false;
  const makeRoom = roomMaker(
    portsWith({
      cleanSources: async () => Promise.reject(new Error("read-only")),
      run: async () => {
        pruned = true;
        throw new Error("no buildctl");
      },
    }),
  );
  await makeRoom();
  expect(pruned).toBe(true);
});
