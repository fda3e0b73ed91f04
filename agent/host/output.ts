/**
 * What the application wrote lately, for readers that come late or read slowly. Chunks are kept as they come and cut
 * after whole lines only when somebody reads, so an application that nobody watches pays next to nothing.
 */
import { OUTPUT_BACKLOG_BYTES_MAX } from "../../core/limits.ts";
import { createLineGatherer, type LineGatherer, type OutputChunk } from "../../core/output.ts";

export interface Output {
  /** Never waits: what readers have not taken in time is lost to them, and they are told. */
  readonly push: (stream: OutputChunk["stream"], bytes: Uint8Array) => void;
  /** No more will come: readers end after what is there. */
  readonly close: () => void;
  /** What is still there, then what comes, in whole lines. */
  readonly read: () => AsyncIterable<OutputChunk>;
}

interface Chunk extends OutputChunk {
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
  return { push, close, read: () => inWholeLines(readChunks(), now) };
}

async function* inWholeLines(chunks: AsyncIterable<Chunk>, now: () => number): AsyncGenerator<OutputChunk> {
  const gatherers = new Map<OutputChunk["stream"], LineGatherer>();
  let expected: number | undefined;
  for await (const { stream, bytes, at, offset } of chunks) {
    if (expected !== undefined && offset > expected) {
      yield* endsOf(gatherers, at);
      yield { stream: "agent", bytes: missed(offset - expected), at };
    }
    expected = offset + bytes.length;
    const gatherer = gatherers.get(stream) ?? createLineGatherer();
    gatherers.set(stream, gatherer);
    for (const whole of gatherer.push(bytes)) yield { stream, bytes: whole, at };
  }
  yield* endsOf(gatherers, now());
}

function* endsOf(gatherers: ReadonlyMap<OutputChunk["stream"], LineGatherer>, at: number): Generator<OutputChunk> {
  for (const [stream, gatherer] of gatherers) {
    for (const bytes of gatherer.end()) yield { stream, bytes, at };
  }
}

function missed(bytes: number): Uint8Array {
  return new TextEncoder().encode(`${bytes} bytes of output were left out: they came faster than they were read\n`);
}
