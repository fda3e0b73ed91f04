/** The objects of one collection, kept up to date, with waiting for what they will say. */
import type { KubeClient, WatchEvent } from "../../core/kube/types.ts";
import { asString, at } from "../../core/parse.ts";

export interface Followed {
  readonly objects: () => readonly unknown[];
  readonly named: (name: string) => unknown;
  /** The first defined answer of `look`, asked now and after each change. Rejects when the watch cannot go on. */
  readonly until: <T>(look: (objects: readonly unknown[]) => T | undefined) => Promise<T>;
}

interface Waiter {
  readonly look: () => boolean;
  readonly fail: (error: unknown) => void;
}

/** @param signal ends the watch; who waits then must watch it himself */
export function follow(kube: KubeClient, path: string, signal: AbortSignal): Followed {
  const byName = new Map<string, unknown>();
  const waiters = new Set<Waiter>();
  const tell = (): void => {
    for (const waiter of waiters) if (waiter.look()) waiters.delete(waiter);
  };
  const objects = (): readonly unknown[] => [...byName.values()];
  read(kube.watch(path, signal), byName, tell).catch((error: unknown) => {
    if (!signal.aborted) for (const waiter of waiters) waiter.fail(error);
  });
  return {
    objects,
    named: (name) => byName.get(name),
    until: async <T>(look: (objects: readonly unknown[]) => T | undefined) =>
      new Promise<T>((resolve, reject) => {
        const lookAgain = (): boolean => {
          const answer = look(objects());
          if (answer !== undefined) resolve(answer);
          return answer !== undefined;
        };
        if (!lookAgain()) waiters.add({ look: lookAgain, fail: reject });
      }),
  };
}

/** Names are unique: every collection followed here lies in one namespace or in none. */
async function read(events: AsyncIterable<WatchEvent>, byName: Map<string, unknown>, tell: () => void): Promise<void> {
  let listing = false;
  for await (const event of events) {
    switch (event.type) {
      case "reset":
        byName.clear();
        listing = true;
        break;
      case "synced":
        listing = false;
        break;
      case "deleted":
        byName.delete(nameOf(event.object));
        break;
      case "added":
      case "modified":
        byName.set(nameOf(event.object), event.object);
        break;
    }
    if (!listing) tell();
  }
}

function nameOf(object: unknown): string {
  return asString(at(object, "metadata", "name")) ?? "";
}
