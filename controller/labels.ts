/** Labels that every object made by the controller carries, as Kubernetes recommends them. */
import { FIELD_MANAGER, VERSION } from "../core/contract.ts";

const NAMES = {
  "app.kubernetes.io/part-of": "azds",
  "app.kubernetes.io/component": "controller",
} as const;

export const CONTROLLER_LABELS = {
  "app.kubernetes.io/name": "azds",
  ...NAMES,
  "app.kubernetes.io/version": VERSION,
  "app.kubernetes.io/managed-by": FIELD_MANAGER,
} as const;

/** Label selector for them, in all versions. */
export const CONTROLLER_SELECTOR = Object.entries(NAMES)
  .map(([key, value]) => `${key}=${value}`)
  .join(",");
