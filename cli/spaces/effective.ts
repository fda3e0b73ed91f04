/** What requests that belong to a space reach: its own services, and for the rest the nearest ancestor's. Pure. */
import type { CurrentSpace } from "./current.ts";

export interface NamedService {
  readonly name: string;
  readonly namespace: string;
}

/** In the order of names. */
export function effectiveServices<T extends NamedService>(space: CurrentSpace, services: readonly T[]): readonly T[] {
  const found = new Map<string, T>();
  for (const namespace of [space.name, ...space.ancestors]) {
    for (const service of services.filter((each) => each.namespace === namespace)) {
      if (!found.has(service.name)) found.set(service.name, service);
    }
  }
  return [...found.values()].toSorted((a, b) => a.name.localeCompare(b.name));
}
