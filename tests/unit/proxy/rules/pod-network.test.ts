import { afterEach, describe, expect, test } from "bun:test";
import { closeSync, fstatSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPodNetwork } from "../../../../proxy/rules/pod-network.ts";

const UID = "0b6c8a4e-51c3-4b6e-9c4d-4a7a3f6f2b10";
const OTHER = "11111111-2222-3333-4444-555555555555";
const folders: string[] = [];
afterEach(() => folders.splice(0).forEach((folder) => rmSync(folder, { recursive: true })));

interface FakeProcess {
  readonly uid?: string;
  readonly started?: number;
  /** Name of its network; absent: one that may not be opened. */
  readonly network?: string;
}

/** A folder like /proc. Processes with the same network share a file in its place. */
function proc(processes: Readonly<Record<string, FakeProcess>>): string {
  const folder = mkdtempSync(join(tmpdir(), "proc-"));
  folders.push(folder);
  mkdirSync(join(folder, "networks"));
  for (const [pid, { uid, started = 0, network }] of Object.entries(processes)) {
    mkdirSync(join(folder, pid, "ns"), { recursive: true });
    writeFileSync(join(folder, pid, "cgroup"), uid === undefined ? "0::/init.scope\n" : `0::/kubepods/pod${uid}/c\n`);
    writeFileSync(join(folder, pid, "stat"), `${pid} (a) b) S ${"0 ".repeat(18)}${started} 0\n`);
    if (network === undefined) continue;
    writeFileSync(join(folder, "networks", network), "");
    symlinkSync(join(folder, "networks", network), join(folder, pid, "ns/net"));
  }
  return folder;
}

function opened(folder: string): number {
  const fd = openPodNetwork(folder, UID);
  try {
    return fstatSync(fd).ino;
  } finally {
    closeSync(fd);
  }
}

const NODE = { network: "node" };

describe("openPodNetwork()", () => {
  test("takes that of the pod's oldest process, whatever its number", () => {
    const folder = proc({
      "1": NODE,
      "7": { uid: UID, started: 900, network: "elsewhere" },
      "70": { uid: UID, started: 100, network: "pod" },
      "5": { uid: OTHER, started: 1, network: "other" },
    });
    expect(opened(folder)).toBe(statSync(join(folder, "networks/pod")).ino);
  });

  test("passes one by that may not be looked at", () => {
    const folder = proc({ "1": NODE, "7": { uid: UID, started: 1 }, "8": { uid: UID, started: 2, network: "pod" } });
    expect(opened(folder)).toBe(statSync(join(folder, "networks/pod")).ino);
  });

  test("refuses a pod in the network of its node", () => {
    expect(() => openPodNetwork(proc({ "1": NODE, "7": { uid: UID, network: "node" } }), UID)).toThrow(
      "The pod shares the network of its node, which is not redirected",
    );
  });

  test("refuses all where the node's own network cannot be told", () => {
    expect(() => openPodNetwork(proc({ "1": {}, "7": { uid: UID, network: "pod" } }), UID)).toThrow();
  });

  test("says that no process of the pod is here", () => {
    expect(() => openPodNetwork(proc({ "1": NODE, "5": { uid: OTHER, network: "other" } }), UID)).toThrow(
      `No process of the pod ${UID} can be found on this node`,
    );
  });
});
