import { describe, expect, test } from "bun:test";
import { NetlinkError, parseAcknowledgements } from "../../../../proxy/init/netlink.ts";
import { encodeBatch } from "../../../../proxy/init/nf-tables.ts";
import { planRedirect } from "../../../../proxy/init/plan.ts";

const PLAN = planRedirect({ skipInboundPorts: [8081], skipOutboundPorts: [25] });

describe("encodeBatch()", () => {
  test("frames every message by its length, inside one batch, with sequence numbers of their own", () => {
    for (const family of ["ip", "ip6"] as const) {
      const messages = encodeBatch(PLAN, family);
      for (const { bytes } of messages) expect([bytes.readUInt32LE(0), bytes.length % 4]).toEqual([bytes.length, 0]);
      expect([messages[0]?.bytes.readUInt16LE(4), messages.at(-1)?.bytes.readUInt16LE(4)]).toEqual([0x10, 0x11]);
      const sequences = messages.flatMap((message) => message.sequence ?? []);
      expect(sequences).toEqual(sequences.map((_, i) => i + 1));
      expect(sequences.length).toBe(messages.length - 2);
    }
  });
});

function reply(sequence: number, error: number): Buffer {
  const bytes = Buffer.alloc(36);
  bytes.writeUInt32LE(36, 0);
  bytes.writeUInt16LE(2, 4);
  bytes.writeUInt32LE(sequence, 8);
  bytes.writeInt32LE(error, 16);
  return bytes;
}

describe("parseAcknowledgements()", () => {
  test("reads acknowledgements and refusals of one datagram", () => {
    expect([...parseAcknowledgements(Buffer.concat([reply(3, 0), reply(4, -17)]))]).toEqual([
      [3, 0],
      [4, 17],
    ]);
    expect(parseAcknowledgements(Buffer.alloc(40)).size).toBe(0);
  });
});

describe("NetlinkError", () => {
  test("names the errno", () =>
    expect(new NetlinkError("add table", 1).message).toBe("The kernel refused to add table: EPERM"));
});

/** Needs root, util-linux and nft: a network namespace of its own, rules before ours, ours twice. */
const tools = process.getuid?.() === 0 && Bun.which("unshare") !== null && Bun.which("nft") !== null;

describe("sendBatch()", () => {
  test.skipIf(!tools)("leaves what others wrote, and gives the same table when run twice", async () => {
    const netlink = JSON.stringify(new URL("../../../../proxy/init/netlink.ts", import.meta.url).pathname);
    const tables = JSON.stringify(new URL("../../../../proxy/init/nf-tables.ts", import.meta.url).pathname);
    const send = `const { sendBatch } = await import(${netlink}); const { encodeBatch } = await import(${tables});
      for (const family of ["ip", "ip6"]) sendBatch(encodeBatch(${JSON.stringify(PLAN)}, family));`;
    const script = `nft add table ip other && nft add chain ip other kept && "$0" -e "$1" && nft list ruleset && echo === && "$0" -e "$1" && nft list ruleset`;
    const run = Bun.spawn(["unshare", "--net", "sh", "-ec", script, process.execPath, send], {
      stdout: "pipe",
      stderr: "pipe",
    });
    const [first = "", second] = (await new Response(run.stdout).text()).split("===\n");
    expect(await new Response(run.stderr).text()).toBe("");
    expect(second).toBe(first);
    for (const line of [
      "table ip other",
      "table ip6 azds",
      "tcp dport 8081 return",
      "redirect to :19006",
      "meta skuid 19000 return",
      "redirect to :19001",
    ]) {
      expect(first).toContain(line);
    }
  });
});
