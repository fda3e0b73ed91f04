import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { readdirSync } from "node:fs";
import { reorderSearch } from "../../../../proxy/init/resolv-conf.ts";

const GOLDEN = new URL("../../../golden/redirect/resolv-conf/", import.meta.url);
const ORDER = { space: "alice", ancestors: ["dev", "root"] };

describe("reorderSearch()", () => {
  for (const name of readdirSync(GOLDEN).filter((file) => file.endsWith(".in"))) {
    test(name.slice(0, -3), async () => {
      const expected = Bun.file(new URL(name.replace(/in$/, "out"), GOLDEN));
      const changed = reorderSearch(await Bun.file(new URL(name, GOLDEN)).text(), ORDER);
      if (Bun.env["UPDATE_GOLDEN"] === "1") await Bun.write(expected, changed);
      expect(changed).toBe(await expected.text());
    });
  }

  test("drops the farthest ancestors where the list would grow too long", () => {
    const ancestors = Array.from({ length: 60 }, (_, i) => `${"x".repeat(40)}${i}`);
    const list = reorderSearch("search alice.svc.cluster.local svc.cluster.local\n", { space: "alice", ancestors });
    expect(list.length).toBeLessThanOrEqual(2048 + "search \n".length);
    expect(list).toContain(` ${ancestors[0]}.svc.cluster.local `);
    expect(list).not.toContain(`${ancestors[59]}.svc`);
    expect(list).toEndWith(" svc.cluster.local\n");
  });

  test("changes nothing the second time, and loses no line and no domain", () => {
    const domain = fc.constantFrom(
      "alice.svc.cluster.local",
      "svc.cluster.local",
      "cluster.local",
      "dev.svc.cluster.local",
      "root.svc.cluster.local",
      "corp.example",
    );
    const text = fc
      .array(domain, { minLength: 1 })
      .map((domains) => `nameserver 10.0.0.10\nsearch ${domains.join(" ")}\noptions ndots:5\n`);
    fc.assert(
      fc.property(text, (before) => {
        const after = reorderSearch(before, ORDER);
        expect(reorderSearch(after, ORDER)).toBe(after);
        expect(after.split("\n").length).toBe(before.split("\n").length);
        for (const word of before.split(/\s+/)) expect(after).toContain(word);
      }),
    );
  });
});
