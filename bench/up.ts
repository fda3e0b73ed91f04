/** `azds up -d` on the Node project that `azds init` prepares: the first time, after changes, and unchanged. */
import { appendFileSync, cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { developer, scratchFolder } from "../tests/e2e/support/cluster.ts";
import type { Measurement } from "./report.ts";

const CHANGES = 7;
const UNCHANGED = 7;
const SPACE = "bench-up";

export async function up(): Promise<readonly Measurement[]> {
  const user = developer();
  const folder = scratchFolder("web");
  cpSync(join(import.meta.dir, "../tests/projects/chain"), folder, { recursive: true });
  const azds = async (...args: readonly string[]): Promise<number> => {
    const started = performance.now();
    const result = await user.azds(args, { cwd: folder });
    if (result.code !== 0) throw new Error(`azds ${args.join(" ")}: ${result.stdout}${result.stderr}`);
    return (performance.now() - started) / 1000;
  };
  writeFileSync(join(folder, "service.json"), '{"name":"0"}');
  await azds("space", "select", "-n", SPACE, "-y");
  await azds("init", "--port", "80");
  const cold = await azds("up", "-d");
  const [inPlace, rebuilt]: [number[], number[]] = [[], []];
  for (let change = 1; change <= CHANGES; change += 1) {
    writeFileSync(join(folder, "service.json"), `{"name":"${change}"}`);
    inPlace.push(await azds("up", "-d"));
    // Code alone would be brought in place again.
    appendFileSync(join(folder, "Dockerfile.develop"), `ENV CHANGE=${change}\n`);
    writeFileSync(join(folder, "service.json"), `{"name":"${change}, by image"}`);
    rebuilt.push(await azds("up", "-d"));
  }
  const unchanged: number[] = [];
  for (let round = 0; round < UNCHANGED; round += 1) unchanged.push(await azds("up", "-d"));
  await azds("down");
  await azds("space", "remove", "-n", SPACE, "-y");
  return [
    { suite: "up", name: "first up of a Node service", unit: "s", values: [cold] },
    { suite: "up", name: "up after a code change, in place", unit: "s", values: inPlace },
    { suite: "up", name: "up after a change that needs a new image", unit: "s", values: rebuilt, target: 5 },
    { suite: "up", name: "up again, unchanged", unit: "s", values: unchanged, target: 1 },
  ];
}
