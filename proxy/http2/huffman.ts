/** The Huffman code of HPACK (RFC 7541 §5.2, appendix B), decoded four bits at a time. */

/** Length in bits of the code of each byte, and of EOS at the end. The code is canonical, so lengths are all of it. */
const CODE_BITS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
  28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6,
  5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23,
  22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22,
  23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26,
  20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27,
  27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27,
  27, 27, 27, 26, 30,
];
const EOS = 256;

const FAIL = 1;
const EMIT = 2;

interface Node {
  readonly number: number;
  /** All bits so far are 1 and fewer than eight: what may pad the last byte. */
  readonly padding: boolean;
  readonly next: (Node | number | undefined)[];
}

interface Machine {
  /** By state × 16 + four bits: next state × 65536 + flags × 256 + byte. */
  readonly steps: Int32Array;
  /** 1 where the text may end. */
  readonly ends: Uint8Array;
}

const MACHINE: Machine = machine();

/** Longest text that `source[from, end)` can mean: no code is shorter than five bits. */
export function decodedBytesMax(codedBytes: number): number {
  return Math.floor((codedBytes * 8) / 5);
}

/** Decodes into `target`, which is large enough, and answers the number of bytes; -1 when the code is broken. */
export function decodeHuffman(source: Buffer, range: readonly [number, number], target: Buffer): number {
  const { steps, ends } = MACHINE;
  const [from, end] = range;
  let state = 0;
  let length = 0;
  for (let i = from; i < end; i += 1) {
    const byte = source[i] ?? 0;
    let step = steps[state * 16 + (byte >> 4)] ?? 0;
    if ((step & 0x200) !== 0) {
      target[length] = step;
      length += 1;
    }
    let failed = step & 0x100;
    step = steps[(step >> 16) * 16 + (byte & 15)] ?? 0;
    if ((step & 0x200) !== 0) {
      target[length] = step;
      length += 1;
    }
    failed |= step & 0x100;
    if (failed !== 0) return -1;
    state = step >> 16;
  }
  return ends[state] === 1 ? length : -1;
}

function machine(): Machine {
  const nodes = tree();
  const steps = new Int32Array(nodes.length * 16);
  const ends = new Uint8Array(nodes.length);
  for (const node of nodes) {
    ends[node.number] = node.padding ? 1 : 0;
    for (let bits = 0; bits < 16; bits += 1) steps[node.number * 16 + bits] = stepFrom(node, bits, nodes);
  }
  return { steps, ends };
}

function stepFrom(from: Node, bits: number, nodes: readonly Node[]): number {
  let node = from;
  let flags = 0;
  let byte = 0;
  for (let bit = 3; bit >= 0; bit -= 1) {
    const next = node.next[(bits >> bit) & 1];
    if (next === undefined || next === EOS) return FAIL << 8;
    if (typeof next === "number") {
      flags = EMIT;
      byte = next;
      node = nodes[0] ?? node;
    } else node = next;
  }
  return (node.number << 16) | (flags << 8) | byte;
}

/** The inner nodes; the first is the root. */
function tree(): readonly Node[] {
  const root: Node = { number: 0, padding: true, next: [] };
  const nodes: Node[] = [root];
  const symbols = CODE_BITS.map((bits, symbol) => ({ bits, symbol })).toSorted(
    (a, b) => a.bits - b.bits || a.symbol - b.symbol,
  );
  let code = 0;
  let length = symbols[0]?.bits ?? 0;
  for (const { bits, symbol } of symbols) {
    code *= 2 ** (bits - length);
    length = bits;
    let node = root;
    for (let depth = 1; depth < bits; depth += 1) {
      const bit = Math.floor(code / 2 ** (bits - depth)) % 2;
      const next = node.next[bit];
      if (typeof next === "object") node = next;
      else {
        const made: Node = { number: nodes.length, padding: node.padding && bit === 1 && depth < 8, next: [] };
        nodes.push(made);
        node.next[bit] = made;
        node = made;
      }
    }
    node.next[code % 2] = symbol;
    code += 1;
  }
  return nodes;
}
