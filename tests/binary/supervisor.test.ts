/** The sidecar's supervisor and a worker that is killed, as processes of the executable. */
import { beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { ENV } from "../../core/contract.ts";
import { formatSidecarConfig } from "../../core/sidecar-config.ts";
import { sidecarConfig } from "../unit/proxy/raw-peers.ts";
import { ensureBuilt } from "./executable.ts";

beforeAll(ensureBuilt);

/** Ports and processes of its own. */
const ALONE = ["unshare", "--net", "--pid", "--fork", "--mount-proc", "--kill-child"];
const tools = process.getuid?.() === 0 && ["unshare", "ip"].every((program) => Bun.which(program) !== null);

test.skipIf(!tools)(
  "a killed worker refuses no connection, and ends with its supervisor",
  async () => {
    const program = join(import.meta.dir, "worker-killed.ts");
    const script = `ip link set lo up && exec ${process.execPath} ${program}`;
    const child = Bun.spawn([...ALONE, "sh", "-ec", script], {
      env: { PATH: process.env["PATH"] ?? "", [ENV.sidecar]: formatSidecarConfig(sidecarConfig({ ca: "none" })) },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit",
    });
    const { seen, restarts } = JSON.parse(await child.stdout.text()) as {
      readonly seen: Readonly<Record<string, number>>;
      readonly restarts: string;
    };
    expect(seen["ECONNREFUSED"]).toBeUndefined();
    expect(seen["answered"]).toBeGreaterThan(0);
    expect(restarts).toBe("5");
  },
  60_000,
);
