/**
 * What the application wrote lately, for readers that come late or read slowly. Chunks are kept as they come and cut
 * into lines only when somebody reads, so an application that nobody watches pays next to nothing.
 */
import { OUTPUT_BACKLOG_BYTES_MAX, OUTPUT_LINE_BYTES_MAX } from "../../core/limits.ts";
import { createLineSplitter, type LineSplitter, type OutputLine } from "../../core/output.ts";

export interface Output {
  /** Never waits: what readers have not taken in time is lost to them, and they are told. */
  readonly push: (stream: OutputLine["stream"], bytes: Uint8Array) => void;
  /** No more will come: readers end after what is there. */
  readonly close: () => void;
  /** What is still there, then what comes. */
  readonly read: () => AsyncIterable<OutputLine>;
}

interface Chunk {
  readonly stream: OutputLine["stream"];
  readonly bytes: Uint8Array;
  readonly at: number;
  /** Bytes of all output before this chunk. */
  readonly offset: number;
}

/** What a chunk costs beside its bytes: an application that writes single bytes must not fill the memory. */
const CHUNK_OVERHEAD_BYTES = 128;

/**
 * @param now milliseconds since the epoch
 * @param bytesMax kept for readers; the newest chunk is kept whatever its size
 */
export function createOutput(now: () => number, bytesMax = OUTPUT_BACKLOG_BYTES_MAX): Output {
  /** By number, oldest first; numbers are consecutive from `first` to before `next`. */
  const chunks = new Map<number, Chunk>();
  let [first, next, offset, held] = [0, 0, 0, 0];
  let closed = false;
  let changed = Promise.withResolvers<void>();

  const wake = (): void => {
    changed.resolve();
    changed = Promise.withResolvers();
  };

  const push: Output["push"] = (stream, bytes) => {
    chunks.set(next, { stream, bytes, at: now(), offset });
    next += 1;
    offset += bytes.length;
    held += bytes.length + CHUNK_OVERHEAD_BYTES;
    while (held > bytesMax && first < next - 1) {
      held -= (chunks.get(first)?.bytes.length ?? 0) + CHUNK_OVERHEAD_BYTES;
      chunks.delete(first);
      first += 1;
    }
    wake();
  };

  async function* readChunks(): AsyncGenerator<Chunk> {
    for (let cursor = first; ;) {
      cursor = Math.max(cursor, first);
      const chunk = chunks.get(cursor);
      if (chunk !== undefined) {
        yield chunk;
        cursor += 1;
      } else if (closed) {
        return;
      } else {
        await changed.promise;
      }
    }
  }

  const close = (): void => {
    closed = true;
    wake();
  };
  return { push, close, read: () => linesOf(readChunks(), now) };
}

async function* linesOf(chunks: AsyncIterable<Chunk>, now: () => number): AsyncGenerator<OutputLine> {
  const splitters = new Map<OutputLine["stream"], LineSplitter>();
  let expected: number | undefined;
  for await (const chunk of chunks) {
    if (expected !== undefined && chunk.offset > expected) {
      yield* endsOf(splitters, chunk.at);
      yield { stream: "agent", text: missed(chunk.offset - expected), at: chunk.at };
    }
    expected = chunk.offset + chunk.bytes.length;
    const splitter = splitters.get(chunk.stream) ?? createLineSplitter(OUTPUT_LINE_BYTES_MAX);
    splitters.set(chunk.stream, splitter);
    for (const text of splitter.push(chunk.bytes)) yield { stream: chunk.stream, text, at: chunk.at };
  }
  yield* endsOf(splitters, now());
}

function* endsOf(splitters: ReadonlyMap<OutputLine["stream"], LineSplitter>, at: number): Generator<OutputLine> {
  for (const [stream, splitter] of splitters) {
    for (const text of splitter.end()) yield { stream, text, at };
  }
}

function missed(bytes: number): string {
  return `${bytes} bytes of output were left out: they came faster than they were read`;
}
