import { afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { applicationOf, isAlive, processesOf } from "../../../../proxy/rules/pod-processes.ts";

const UID = "0b6c8a4e-51c3-4b6e-9c4d-4a7a3f6f2b10";
const folders: string[] = [];
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })));

interface FakeProcess {
  readonly container: string;
  readonly started: number;
  readonly state?: string;
  readonly cmdline?: readonly string[];
}

function proc(processes: Readonly<Record<string, FakeProcess>>): string {
  const folder = mkdtempSync(join(tmpdir(), "proc-"));
  folders.push(folder);
  for (const [pid, { container, started, state = "S", cmdline = ["node"] }] of Object.entries(processes)) {
    mkdirSync(join(folder, pid));
    writeFileSync(join(folder, pid, "cgroup"), `0::/kubepods/pod${UID}/${container}/deeper\n`);
    writeFileSync(join(folder, pid, "stat"), `${pid} (a) S) ${state} ${"0 ".repeat(18)}${started} 0\n`);
    writeFileSync(join(folder, pid, "cmdline"), `${cmdline.join("\0")}\0`);
  }
  return folder;
}

const SANDBOX = { container: "pause", started: 1 };
const SIDECAR = { container: "proxy", started: 2, cmdline: ["/azds/azds", "__proxy"] };
const WORKER = { container: "proxy", started: 3, cmdline: ["/azds/azds", "__proxy-worker", "0"] };
const APPLICATION = { container: "app", started: 4 };

test("processesOf() gives those of the pod, oldest first", () => {
  const folder = proc({ "9": SANDBOX, "3": APPLICATION, "5": { ...APPLICATION, state: "Z" } });
  mkdirSync(join(folder, "7"));
  expect(processesOf(folder, UID)).toEqual([
    { pid: "9", container: "pause", started: 1 },
    { pid: "3", container: "app", started: 4 },
  ]);
});

describe("applicationOf()", () => {
  test.each([
    ["an application beside sandbox and sidecar", { "1": SANDBOX, "2": SIDECAR, "3": WORKER, "4": APPLICATION }, true],
    ["nothing but sandbox and sidecar", { "1": SANDBOX, "2": SIDECAR, "3": WORKER }, false],
    [
      "an application that only waits to be reaped",
      { "1": SANDBOX, "2": SIDECAR, "4": { ...APPLICATION, state: "Z" } },
      false,
    ],
    [
      "the agent of a session",
      { "1": SANDBOX, "2": SIDECAR, "4": { ...APPLICATION, cmdline: ["/azds/azds", "__agent"] } },
      true,
    ],
  ])("%s", (_, processes, expected) => {
    expect(applicationOf(proc(processes), UID).map(({ pid }) => pid)).toEqual(expected ? ["4"] : []);
  });

  test("does not guess where it does not even see the sidecar", () => {
    expect(() => applicationOf(proc({}), UID)).toThrow(`The sidecar of the pod ${UID} cannot be found on this node`);
  });
});

test("isAlive() tells a process from a later one of the same number, and from what is left of it", () => {
  const [before] = processesOf(proc({ "4": APPLICATION }), UID);
  if (before === undefined) throw new Error("The process was not found");
  expect(isAlive(proc({ "4": APPLICATION }), before)).toBeTrue();
  expect(isAlive(proc({ "4": { ...APPLICATION, started: 5 } }), before)).toBeFalse();
  expect(isAlive(proc({ "4": { ...APPLICATION, state: "Z" } }), before)).toBeFalse();
  expect(isAlive(proc({}), before)).toBeFalse();
});
