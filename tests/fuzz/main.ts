/**
 * The long form of the fuzz, of `make prove-fuzz`: AZDS_FUZZ_MESSAGES messages (10 million) of AZDS_FUZZ_SEED (1).
 * The rounds run in a process of their own (`play.ts`), so that a crash or a hang is seen.
 */
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { join } from "node:path";
import type { Progress } from "./play.ts";

const MESSAGES = Number(process.env["AZDS_FUZZ_MESSAGES"] ?? 10_000_000);
const SEED = Number(process.env["AZDS_FUZZ_SEED"] ?? 1);
/** Progress comes every few seconds; silence this long is a hang. */
const SILENCE_MS_MAX = 120_000;
/** What the collector may keep more at the end than after the first messages. */
const HEAP_GROWTH_MIB_MAX = 16;
const RESIDENT_GROWTH_MIB_MAX = 64;
const DISAGREEMENTS_SHOWN_MAX = 10;

const player = Bun.spawn([process.execPath, join(import.meta.dir, "play.ts"), String(SEED), String(MESSAGES)], {
  stdin: "ignore",
  stdout: "pipe",
  stderr: "inherit",
});
const steps: Progress[] = [];
const hangs = (): void => player.kill("SIGKILL");
let silence = setTimeout(hangs, SILENCE_MS_MAX);
for await (const line of createInterface({ input: Readable.fromWeb(player.stdout) })) {
  clearTimeout(silence);
  silence = setTimeout(hangs, SILENCE_MS_MAX);
  steps.push(JSON.parse(line) as Progress);
}
clearTimeout(silence);
const code = await player.exited;
const [first, last] = [steps[0], steps.at(-1)];
const played = last?.messages ?? 0;
const disagreements = steps.flatMap((step) => step.disagreements);
tell(`${played} messages of seed ${SEED} without crash or hang`, code === 0 && played === MESSAGES);
tell(`${disagreements.length} disagreements with the reference`, disagreements.length === 0);
for (const disagreement of disagreements.slice(0, DISAGREEMENTS_SHOWN_MAX)) tell(disagreement, false);
if (first !== undefined && last !== undefined) {
  tell(
    `heap ${first.heapMiB} MiB after ${first.messages} messages, ${last.heapMiB} MiB after ${played}`,
    last.heapMiB - first.heapMiB <= HEAP_GROWTH_MIB_MAX,
  );
  tell(
    `resident ${first.residentMiB} MiB after ${first.messages} messages, ${last.residentMiB} MiB after ${played}`,
    last.residentMiB - first.residentMiB <= RESIDENT_GROWTH_MIB_MAX,
  );
}

function tell(what: string, passed: boolean): void {
  console.log(`${passed ? "ok  " : "FAIL"} ${what}`);
}
