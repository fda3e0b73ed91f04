/** Holds a client, or a pod of this node, until all its images are in the node's store. */
import type { ImageConfigs } from "../core/build-config.ts";
import type { Clock } from "../core/host/clock.ts";
import { RESTORE_RETRY_MS_MAX, RESTORE_RETRY_MS_MIN } from "../core/limits.ts";
import type { ImageStore } from "./images.ts";
import type { Restored, Restorer } from "./restore.ts";

export interface AwaitPorts {
  readonly images: ImageStore;
  readonly restorer: Restorer;
  readonly clock: Clock;
}

export interface ImageNews {
  readonly image: string;
  readonly state: "missing" | "restored";
  /** A sentence for people. */
  readonly text: string;
}

export interface Awaited {
  readonly namespace: string;
  readonly images: readonly string[];
  /** See WantedImage. */
  readonly believeMs: number;
  /** Told what is awaited, each thing once. */
  readonly onNews: (news: ImageNews) => void;
  readonly signal: AbortSignal;
}

/** Resolves as soon as all of them are there; rejects with the signal's reason. */
export async function awaitImages(ports: AwaitPorts, awaited: Awaited): Promise<ImageConfigs> {
  const { signal } = awaited;
  const said = new Set<string>();
  const tell = (news: ImageNews): void => {
    if (said.has(news.text)) return;
    said.add(news.text);
    awaited.onNews(news);
  };
  for (let delay = RESTORE_RETRY_MS_MIN; ; delay = Math.min(delay * 2, RESTORE_RETRY_MS_MAX)) {
    signal.throwIfAborted();
    // Listening starts before looking, so that a build which ends in between is not missed.
    const saved = new AbortController();
    const forget = ports.images.onSaved(() => saved.abort());
    try {
      const found = await look(ports, awaited, tell);
      if (found !== undefined) return found;
      await ports.clock.sleep(delay, AbortSignal.any([signal, saved.signal])).catch(() => {});
    } finally {
      forget();
    }
  }
}

/** `undefined` while one is missing. */
async function look(
  { restorer }: AwaitPorts,
  { namespace, images, believeMs, signal }: Awaited,
  tell: (news: ImageNews) => void,
): Promise<ImageConfigs | undefined> {
  const restored = await Promise.all(images.map((image) => restorer.restore({ namespace, image, believeMs, signal })));
  for (const [index, outcome] of restored.entries()) {
    const image = images[index] ?? "";
    const text = newsOf(image, outcome);
    if (text !== undefined) tell({ image, state: outcome.record === undefined ? "missing" : "restored", text });
  }
  const records = restored.flatMap(({ record }) => (record === undefined ? [] : [record]));
  return records.length === images.length
    ? Object.fromEntries(records.map(({ image, config }) => [image, config]))
    : undefined;
}

function newsOf(image: string, outcome: Restored): string | undefined {
  if (outcome.record === undefined) return `Waiting for image ${image}. ${outcome.why}. \`azds up\` builds it here`;
  switch (outcome.how) {
    case "here":
      return undefined;
    case "rebuilt":
      return `Image ${image} was missing on this node and was built again from the kept sources`;
    case "fetched":
      return `Image ${image} was fetched from elsewhere`;
  }
}
