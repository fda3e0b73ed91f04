/**
 * The plan as messages of nf_tables (Linux, include/uapi/linux/netfilter/nf_tables.h and nfnetlink.h): one batch, which
 * the kernel takes as a whole or not at all. Pure: bytes in, bytes out; netlink.ts sends them.
 */
import type { Chain, Match, Rule } from "./plan.ts";
import type { Family } from "./print.ts";

/** All rules of ours live in this table; no other is touched. */
const TABLE = "azds";

const NLM_F_REQUEST = 0x1;
const NLM_F_ACK = 0x4;
const NLM_F_CREATE = 0x400;
const NLM_F_APPEND = 0x800;
const NLA_F_NESTED = 0x8000;
const NFNL_SUBSYS_NFTABLES = 10;
const NFNL_MSG_BATCH_BEGIN = 0x10;
const NFNL_MSG_BATCH_END = 0x11;
const NEWTABLE = (NFNL_SUBSYS_NFTABLES << 8) | 0;
const DELTABLE = (NFNL_SUBSYS_NFTABLES << 8) | 2;
const NEWCHAIN = (NFNL_SUBSYS_NFTABLES << 8) | 3;
const NEWRULE = (NFNL_SUBSYS_NFTABLES << 8) | 6;
const NFPROTO = { ip: 2, ip6: 10 } as const;
/** NF_INET_PRE_ROUTING and NF_INET_LOCAL_OUT. */
const HOOK = { prerouting: 0, output: 3 } as const;
/** NF_IP_PRI_NAT_DST, where iptables' nat table stands as well. */
const PRIORITY_DNAT = -100;
/** NFT_REG32_00. */
const REGISTER = 8;
const NFT_REG_VERDICT = 0;
const NFT_RETURN = -5;
const NFT_CMP_EQ = 0;
const NFT_CMP_NEQ = 1;
const META = { iifname: 6, oifname: 7, skuid: 10, l4proto: 16 } as const;
const PAYLOAD = { network: 1, transport: 2 } as const;
const IPPROTO_TCP = 6;
const IFNAMSIZ = 16;
/** Of the flags FIN, SYN, RST and ACK (RFC 9293 §3.1) the packet that opens a connection has SYN alone. */
const TCP_FLAGS = { offset: 13, mask: Buffer.from([0x17]), syn: Buffer.from([0x02]) } as const;

/** A message that the kernel acknowledges, and what it does, for errors. */
export interface NetlinkMessage {
  readonly bytes: Buffer;
  readonly purpose: string;
  /** Sequence number, by which acknowledgements are told apart; absent where none is asked for. */
  readonly sequence?: number;
}

/**
 * Adds, deletes and adds our table, so that running twice gives the same rules and the first run finds something to
 * delete; then chains and rules.
 */
export function encodeBatch(plan: readonly Chain[], family: Family): readonly NetlinkMessage[] {
  const table = attribute(1, text(TABLE));
  const bodies: readonly Body[] = [
    { type: NEWTABLE, flags: NLM_F_CREATE, body: table, purpose: "add table" },
    { type: DELTABLE, flags: 0, body: table, purpose: "delete table" },
    { type: NEWTABLE, flags: NLM_F_CREATE, body: table, purpose: "add table again" },
    ...plan.map(chainBody),
    ...plan.flatMap((chain) => chain.rules.map((rule) => ruleBody(chain, rule, family))),
  ];
  return [
    {
      bytes: message({ type: NFNL_MSG_BATCH_BEGIN, flags: 0, family: 0, resource: NFNL_SUBSYS_NFTABLES, sequence: 0 }),
      purpose: "begin",
    },
    ...bodies.map(({ type, flags, body, purpose }, i) => {
      const sequence = i + 1;
      return {
        bytes: message({ type, flags: flags | NLM_F_ACK, family: NFPROTO[family], resource: 0, sequence, body }),
        purpose,
        sequence,
      };
    }),
    {
      bytes: message({
        type: NFNL_MSG_BATCH_END,
        flags: 0,
        family: 0,
        resource: NFNL_SUBSYS_NFTABLES,
        sequence: bodies.length + 1,
      }),
      purpose: "commit",
    },
  ];
}

interface Body {
  readonly type: number;
  readonly flags: number;
  readonly body: Buffer;
  readonly purpose: string;
}

function chainBody(chain: Chain): Body {
  const hook = nested(4, attribute(1, number32(HOOK[chain.hook])), attribute(2, number32(PRIORITY_DNAT)));
  const body = Buffer.concat([
    attribute(1, text(TABLE)),
    attribute(3, text(chain.name)),
    hook,
    attribute(7, text("nat")),
  ]);
  return { type: NEWCHAIN, flags: NLM_F_CREATE, body, purpose: `add chain ${chain.name}` };
}

function ruleBody(chain: Chain, rule: Rule, family: Family): Body {
  const expressions = [
    ...meta(META.l4proto, Buffer.from([IPPROTO_TCP])),
    ...matchOf(rule.match, family),
    ...verdictOf(rule),
  ];
  const body = Buffer.concat([attribute(1, text(TABLE)), attribute(2, text(chain.name)), nested(4, ...expressions)]);
  return {
    type: NEWRULE,
    flags: NLM_F_CREATE | NLM_F_APPEND,
    body,
    purpose: `add rule to ${chain.name}: ${rule.match?.type ?? "every connection"}`,
  };
}

function matchOf(match: Match | undefined, family: Family): readonly Buffer[] {
  if (match === undefined) return [];
  switch (match.type) {
    case "from-interface":
      return meta(META.iifname, interfaceName(match.name));
    case "to-interface":
      return meta(META.oifname, interfaceName(match.name));
    case "user":
      return meta(META.skuid, hostNumber32(match.uid));
    case "to-port":
      return payload(PAYLOAD.transport, { offset: 2, value: number16(match.port) });
    case "under-way":
      return [
        load(PAYLOAD.transport, TCP_FLAGS.offset, 1),
        masked(TCP_FLAGS.mask),
        compare(TCP_FLAGS.syn, NFT_CMP_NEQ),
      ];
    case "to-loopback": {
      // Of IPv4 the first byte is the whole network 127.0.0.0/8; of IPv6 there is one address.
      const ipv6 = Buffer.concat([Buffer.alloc(15), Buffer.from([1])]);
      return family === "ip"
        ? payload(PAYLOAD.network, { offset: 16, value: Buffer.from([127]) })
        : payload(PAYLOAD.network, { offset: 24, value: ipv6 });
    }
  }
}

function verdictOf(rule: Rule): readonly Buffer[] {
  if (rule.verdict.type === "leave") {
    const code = nested(2, attribute(1, number32(NFT_RETURN)));
    return [expression("immediate", attribute(1, number32(NFT_REG_VERDICT)), nested(2, code))];
  }
  const port = expression(
    "immediate",
    attribute(1, number32(REGISTER)),
    nested(2, attribute(1, number16(rule.verdict.port))),
  );
  return [port, expression("redir", attribute(1, number32(REGISTER)))];
}

function meta(key: number, value: Buffer): readonly Buffer[] {
  return [expression("meta", attribute(2, number32(key)), attribute(1, number32(REGISTER))), compare(value)];
}

function payload(base: number, wanted: { readonly offset: number; readonly value: Buffer }): readonly Buffer[] {
  return [load(base, wanted.offset, wanted.value.length), compare(wanted.value)];
}

function load(base: number, offset: number, bytes: number): Buffer {
  return expression(
    "payload",
    attribute(1, number32(REGISTER)),
    attribute(2, number32(base)),
    attribute(3, number32(offset)),
    attribute(4, number32(bytes)),
  );
}

function masked(mask: Buffer): Buffer {
  return expression(
    "bitwise",
    attribute(1, number32(REGISTER)),
    attribute(2, number32(REGISTER)),
    attribute(3, number32(mask.length)),
    nested(4, attribute(1, mask)),
    nested(5, attribute(1, Buffer.alloc(mask.length))),
  );
}

function compare(value: Buffer, operation: number = NFT_CMP_EQ): Buffer {
  return expression(
    "cmp",
    attribute(1, number32(REGISTER)),
    attribute(2, number32(operation)),
    nested(3, attribute(1, value)),
  );
}

function expression(name: string, ...attributes: readonly Buffer[]): Buffer {
  return nested(1, attribute(1, text(name)), nested(2, ...attributes));
}

interface MessageOptions {
  readonly type: number;
  readonly flags: number;
  readonly family: number;
  readonly resource: number;
  readonly sequence: number;
  readonly body?: Buffer;
}

/** struct nlmsghdr (host order), struct nfgenmsg (resource in network order), attributes. */
function message(options: MessageOptions): Buffer {
  const body = options.body ?? Buffer.alloc(0);
  const header = Buffer.alloc(20);
  header.writeUInt32LE(header.length + body.length, 0);
  header.writeUInt16LE(options.type, 4);
  header.writeUInt16LE(options.flags | NLM_F_REQUEST, 6);
  header.writeUInt32LE(options.sequence, 8);
  header.writeUInt8(options.family, 16);
  header.writeUInt16BE(options.resource, 18);
  return Buffer.concat([header, body]);
}

/** struct nlattr: length without padding, type, value padded to four bytes. */
function attribute(type: number, value: Buffer): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt16LE(header.length + value.length, 0);
  header.writeUInt16LE(type, 2);
  return Buffer.concat([header, value, Buffer.alloc((4 - (value.length % 4)) % 4)]);
}

function nested(type: number, ...attributes: readonly Buffer[]): Buffer {
  return attribute(type | NLA_F_NESTED, Buffer.concat(attributes));
}

function text(value: string): Buffer {
  return Buffer.from(`${value}\0`, "latin1");
}

function interfaceName(name: string): Buffer {
  const bytes = Buffer.alloc(IFNAMSIZ);
  bytes.write(name, "latin1");
  return bytes;
}

/** Attributes are in network order; the socket's user id is compared as the machine keeps it. */
function number32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function hostNumber32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function number16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}
