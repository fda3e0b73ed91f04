import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { CODE_KEPT_MS } from "../../../../core/limits.ts";
import { atTimes, codeMappings, openCodeRelease } from "../../../../proxy/sidecar/resident-code.ts";

const MAPS = `00200000-01a39000 r--p 00000000 fe:00 181 /azds/azds
01a40000-0684a000 r-xp 01838000 fe:00 181 /azds/azds
0684a000-06867000 rw-p 06641000 fe:00 181 /azds/azds
489e2400000-48a22400000 rwxp 00000000 00:00 0
7fd91ad3d000-7fd91ae93000 r-xp 00026000 fe:00 77 /lib/libc.so.6
7ffe17f01000-7ffe17f03000 r-xp 00000000 00:00 0                          [vdso]
`;

test("codeMappings() takes what is executed, never written and backed by a file", () => {
  expect(codeMappings(MAPS)).toEqual([
    { start: 0x01a40000, bytes: 0x0684a000 - 0x01a40000 },
    { start: 0x7fd91ad3d000, bytes: 0x7fd91ae93000 - 0x7fd91ad3d000 },
  ]);
});

test("openCodeRelease() unmaps pages of this very process, which goes on", () => {
  const resident = (): number => {
    const rollup = readFileSync("/proc/self/smaps_rollup", "latin1");
    const kilobytes = (name: string): number => Number(new RegExp(`^${name}: +(\\d+) kB`, "m").exec(rollup)?.[1]);
    return kilobytes("Rss") - kilobytes("Anonymous");
  };
  const release = openCodeRelease();
  const before = resident();
  release();
  expect(resident()).toBeLessThan(before);
  expect(JSON.parse('{"still":["here"]}')).toEqual({ still: ["here"] });
});

test("atTimes() releases at the first call, then once in CODE_KEPT_MS", () => {
  let [now, released] = [0, 0];
  const call = atTimes({ now: () => now }, () => {
    released += 1;
  });
  call();
  now = CODE_KEPT_MS - 1;
  call();
  expect(released).toBe(1);
  now = CODE_KEPT_MS;
  call();
  call();
  expect(released).toBe(2);
});
