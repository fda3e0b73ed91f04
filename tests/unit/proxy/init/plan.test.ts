import { describe, expect, test } from "bun:test";
import { PROXY_UID } from "../../../../core/contract.ts";
import * as fc from "fast-check";
import { planRedirect, type RedirectSettings } from "../../../../proxy/init/plan.ts";
import { printRestore } from "../../../../proxy/init/print.ts";

const GOLDEN = new URL("../../../golden/redirect/", import.meta.url);
const CASES: Readonly<Record<string, RedirectSettings>> = {
  default: { skipInboundPorts: [], skipOutboundPorts: [] },
  "skipped-ports": { skipInboundPorts: [9090, 8081, 9090], skipOutboundPorts: [25, 3306] },
  "impossible-ports": { skipInboundPorts: [0, 70_000, 1.5], skipOutboundPorts: [-1] },
};

describe("printRestore()", () => {
  for (const [name, settings] of Object.entries(CASES)) {
    for (const family of ["ip", "ip6"] as const) {
      test(`${name} for ${family}`, async () => {
        const file = Bun.file(new URL(`${name}.${family}.rules`, GOLDEN));
        const printed = printRestore(planRedirect(settings), family);
        if (Bun.env["UPDATE_GOLDEN"] === "1") await Bun.write(file, printed);
        expect(printed).toBe(await file.text());
      });
    }
  }
});

describe("planRedirect()", () => {
  test("lets older connections, loopback and the proxy's user pass before anything is redirected, whatever the settings", () => {
    const ports = fc.array(fc.integer({ min: -10, max: 70_000 }));
    fc.assert(
      fc.property(ports, ports, (skipInboundPorts, skipOutboundPorts) => {
        const [inbound, outbound] = planRedirect({ skipInboundPorts, skipOutboundPorts });
        for (const chain of [inbound, outbound]) {
          const redirects = chain?.rules.flatMap((rule, i) => (rule.verdict.type === "redirect" ? [i] : []));
          expect(redirects).toEqual([(chain?.rules.length ?? 0) - 1]);
          expect(chain?.rules[0]?.match).toEqual({ type: "under-way" });
          expect(chain?.rules[1]?.match).toMatchObject({ name: "lo" });
        }
        expect(outbound?.rules.some((rule) => rule.match?.type === "user" && rule.match.uid === PROXY_UID)).toBeTrue();
      }),
    );
  });
});
