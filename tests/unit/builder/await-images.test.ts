import { describe, expect, test } from "bun:test";
import { awaitImages, type Awaited, type ImageNews } from "../../../builder/await-images.ts";
import type { ImageStore } from "../../../builder/images.ts";
import type { Restored, Restorer } from "../../../builder/restore.ts";
import { manualClock } from "../../fakes/clock.ts";

const CONFIG = { entrypoint: [], cmd: ["x"], workingDir: "/", user: "", env: [] };

/** What looking for `image` comes to, and a way to say that something was saved. */
function world(outcomes: Record<string, Restored>) {
  const listeners = new Set<() => void>();
  const images: ImageStore = {
    save: () => Promise.resolve(),
    find: () => Promise.resolve(undefined),
    onSaved: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const looked = { count: 0 };
  const restorer: Restorer = {
    own: () => Promise.resolve(undefined),
    restore: async ({ image }) => {
      looked.count += 1;
      return outcomes[image] ?? { record: undefined, why: "Nobody has it" };
    },
  };
  const clock = manualClock();
  const saved = (): void => listeners.forEach((listener) => listener());
  return { ports: { images, restorer, clock }, looked, saved, listeners };
}

function here(image: string, how: "here" | "rebuilt" | "fetched" = "here"): Restored {
  return { record: { image, digest: "sha256:1", config: CONFIG, builtAt: 1 }, how };
}

function wanting(images: readonly string[], news: ImageNews[], signal = new AbortController().signal): Awaited {
  return { namespace: "dev", images, believeMs: 0, onNews: (told) => void news.push(told), signal };
}

describe("awaitImages()", () => {
  test("says nothing of images that are there, and answers at once when nothing is asked for", async () => {
    const news: ImageNews[] = [];
    const { ports } = world({ a: here("a") });
    expect(await awaitImages(ports, wanting(["a"], news))).toEqual({ a: CONFIG });
    expect(await awaitImages(ports, wanting([], news))).toEqual({});
    expect(news).toEqual([]);
  });

  test("looks again after a save, and says each thing once", async () => {
    const outcomes: Record<string, Restored> = { a: here("a", "fetched") };
    const news: ImageNews[] = [];
    const { ports, looked, saved, listeners } = world(outcomes);
    const waiting = awaitImages(ports, wanting(["a", "b"], news));
    for (const round of [1, 2]) {
      while (looked.count < 2 * round) await Bun.sleep(1);
      await Bun.sleep(1);
      saved();
    }
    while (looked.count < 6) await Bun.sleep(1);
    outcomes["b"] = here("b", "rebuilt");
    await Bun.sleep(1);
    saved();
    expect(Object.keys(await waiting)).toEqual(["a", "b"]);
    expect(news.map(({ state, image }) => `${image} ${state}`)).toEqual(["a restored", "b missing", "b restored"]);
    expect(news[1]?.text).toBe("Waiting for image b. Nobody has it. `azds up` builds it here");
    expect(listeners.size).toBe(0);
  });

  test("rejects with its signal's reason", async () => {
    const stop = new AbortController();
    const { ports, looked, listeners } = world({});
    const ended = awaitImages(ports, wanting(["a"], [], stop.signal)).catch((error: unknown) => error);
    while (looked.count < 1) await Bun.sleep(1);
    stop.abort(new Error("The pod is gone"));
    expect(await ended).toEqual(new Error("The pod is gone"));
    expect(listeners.size).toBe(0);
  });
});
