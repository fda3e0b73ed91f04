/**
 * The few words of ELF-64, little endian, that decide which loader starts a program and where its libraries are
 * looked up (System V gABI, chapters "Program Header" and "Dynamic Linking").
 */
import { AzdsError } from "../../core/errors.ts";
import { AGENT_FOLDER } from "../../core/contract.ts";

/** Where the loader lies in our image and in the volume of session pods. */
export const LOADER_PATH = `${AGENT_FOLDER}/ld.so`;
/** Libraries are found beside the executable, wherever that is; nothing is inherited by children. */
const RUN_PATH = "$ORIGIN";

const SEGMENT = { load: 1, dynamic: 2, interpreter: 3 } as const;
const TAG = { end: 0, needed: 1, strings: 5, rpath: 15, debug: 21, runPath: 29 } as const;
const PROGRAM_HEADER_BYTES = 56;
const DYNAMIC_ENTRY_BYTES = 16;

/** Names of the OCI image specification (config.md, `architecture`). */
export type Architecture = "amd64" | "arm64";
/** `e_machine`. */
const ARCHITECTURES: Readonly<Record<number, Architecture>> = { 62: "amd64", 183: "arm64" };

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly size: number;
}

interface DynamicEntry {
  readonly tag: number;
  readonly value: number;
  /** Offset of the entry in the file. */
  readonly offset: number;
}

export interface Elf {
  readonly architecture: Architecture;
  /** Path of the loader; absent in static programs and libraries. */
  readonly interpreter: string | undefined;
  /** `DT_NEEDED`: file names of the libraries, in order. */
  readonly needed: readonly string[];
}

/** @throws AzdsError IMAGE_NOT_AVAILABLE when `bytes` is no Linux program of a known architecture */
export function readElf(bytes: Uint8Array): Elf {
  const architecture = architectureOf(bytes);
  const segments = readSegments(bytes);
  const dynamic = readDynamic(bytes, segments);
  const strings = dynamic.find(({ tag }) => tag === TAG.strings)?.value;
  const interpreter = segments.find(({ type }) => type === SEGMENT.interpreter);
  return {
    architecture,
    interpreter: interpreter === undefined ? undefined : readString(bytes, interpreter.offset),
    needed:
      strings === undefined
        ? []
        : dynamic
            .filter(({ tag }) => tag === TAG.needed)
            .map(({ value }) => readString(bytes, offsetOf(segments, strings) + value)),
  };
}

/**
 * A copy of an executable that takes its loader from `LOADER_PATH` and its libraries from its own folder.
 *
 * Invariant: no byte moves. The run path lies in the room that the shorter loader path leaves, and its entry takes the
 * place of `DT_DEBUG`, which only debuggers use.
 * @throws AzdsError IMAGE_NOT_AVAILABLE when the executable lacks the room or already has a run path
 */
export function relocatable(bytes: Uint8Array): Uint8Array {
  architectureOf(bytes);
  const segments = readSegments(bytes);
  const dynamic = readDynamic(bytes, segments);
  const interpreter = segments.find(({ type }) => type === SEGMENT.interpreter);
  const strings = dynamic.find(({ tag }) => tag === TAG.strings);
  const debug = dynamic.find(({ tag }) => tag === TAG.debug);
  if (interpreter === undefined || strings === undefined) throw unexpected("is not linked dynamically");
  if (debug === undefined) throw unexpected("has no `DT_DEBUG` entry to replace");
  if (dynamic.some(({ tag }) => tag === TAG.rpath || tag === TAG.runPath)) throw unexpected("already has a run path");
  const text = new TextEncoder().encode(`${LOADER_PATH}\0${RUN_PATH}\0`);
  if (text.length > interpreter.size) throw unexpected("names its loader by too short a path");

  const copy = bytes.slice();
  copy.fill(0, interpreter.offset, interpreter.offset + interpreter.size);
  copy.set(text, interpreter.offset);
  const runPath = interpreter.address + LOADER_PATH.length + 1;
  const words = new DataView(copy.buffer, copy.byteOffset, copy.byteLength);
  words.setBigUint64(debug.offset, BigInt(TAG.runPath), true);
  // Offsets into the string table wrap around: the run path may lie before it.
  words.setBigUint64(debug.offset + 8, BigInt.asUintN(64, BigInt(runPath) - BigInt(strings.value)), true);
  return copy;
}

function architectureOf(bytes: Uint8Array): Architecture {
  const isElf = bytes.length >= 64 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46;
  // EI_CLASS 2: 64 bits; EI_DATA 1: little endian.
  if (!isElf || bytes[4] !== 2 || bytes[5] !== 1) throw unexpected("is not a Linux program");
  const architecture = ARCHITECTURES[view(bytes).getUint16(18, true)];
  if (architecture === undefined) throw unexpected("is for a processor other than amd64 and arm64");
  return architecture;
}

function readSegments(bytes: Uint8Array): readonly Segment[] {
  const words = view(bytes);
  const table = u64(bytes, 32);
  const count = words.getUint16(56, true);
  if (table + count * PROGRAM_HEADER_BYTES > bytes.length) throw unexpected("is cut short");
  return Array.from({ length: count }, (_, index) => {
    const offset = table + index * PROGRAM_HEADER_BYTES;
    return {
      type: words.getUint32(offset, true),
      offset: u64(bytes, offset + 8),
      address: u64(bytes, offset + 16),
      size: u64(bytes, offset + 32),
    };
  });
}

function readDynamic(bytes: Uint8Array, segments: readonly Segment[]): readonly DynamicEntry[] {
  const segment = segments.find(({ type }) => type === SEGMENT.dynamic);
  if (segment === undefined) return [];
  if (segment.offset + segment.size > bytes.length) throw unexpected("is cut short");
  const entries: DynamicEntry[] = [];
  const last = segment.offset + segment.size - DYNAMIC_ENTRY_BYTES;
  for (let offset = segment.offset; offset <= last; offset += DYNAMIC_ENTRY_BYTES) {
    const tag = u64(bytes, offset);
    if (tag === TAG.end) break;
    entries.push({ tag, value: u64(bytes, offset + 8), offset });
  }
  return entries;
}

/** Where the byte at `address` of the running program lies in the file. */
function offsetOf(segments: readonly Segment[], address: number): number {
  const segment = segments.find(
    (candidate) =>
      candidate.type === SEGMENT.load && address >= candidate.address && address < candidate.address + candidate.size,
  );
  if (segment === undefined) throw unexpected("has a string table outside its segments");
  return address - segment.address + segment.offset;
}

function readString(bytes: Uint8Array, offset: number): string {
  const end = bytes.indexOf(0, offset);
  return new TextDecoder().decode(bytes.subarray(offset, end < 0 ? bytes.length : end));
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Tags and offsets of real files are far below 2^53; larger ones compare unequal to all that is looked for. */
function u64(bytes: Uint8Array, offset: number): number {
  return Number(view(bytes).getBigUint64(offset, true));
}

function unexpected(what: string): AzdsError {
  return new AzdsError("IMAGE_NOT_AVAILABLE", `The image cannot be made from this executable: it ${what}`);
}
