/** `azds cluster enable` from nothing to ready, and again on an enabled cluster. */
import { developer } from "../tests/e2e/support/cluster.ts";
import type { Measurement } from "./report.ts";

const ROUNDS = 3;

export async function enable(): Promise<readonly Measurement[]> {
  const admin = developer();
  const time = async (...args: readonly string[]): Promise<number> => {
    const started = performance.now();
    const result = await admin.azds(args);
    if (result.code !== 0) throw new Error(`azds ${args.join(" ")}: ${result.stdout}${result.stderr}`);
    return (performance.now() - started) / 1000;
  };
  const fresh: number[] = [];
  const again: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    await admin.azds(["cluster", "disable", "--yes"]);
    fresh.push(await time("cluster", "enable", "--space", "bench-root", "--yes"));
    again.push(await time("cluster", "enable", "--space", "bench-root", "--yes"));
  }
  return [
    { suite: "cluster", name: "enable from nothing to ready", unit: "s", values: fresh, target: 20 },
    { suite: "cluster", name: "enable again, unchanged", unit: "s", values: again },
  ];
}
