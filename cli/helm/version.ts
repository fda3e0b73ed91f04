/** The only file that knows Helm's versions. */
import { AzdsError } from "../../core/errors.ts";

/** 3.8 is the first with OCI registries and the flags used here out of their experimental state. */
const MINIMUM = { major: 3, minor: 8 } as const;

/** @param text output of `helm version --template {{.Version}}`, for example `v3.19.5` */
export function checkVersion(text: string): void {
  const groups = /v?(?<major>\d+)\.(?<minor>\d+)/.exec(text)?.groups;
  if (groups === undefined)
    throw new AzdsError("HELM_TOO_OLD", `\`helm version\` answered \`${text.trim()}\`, which is no version`);
  const major = Number(groups["major"]);
  const minor = Number(groups["minor"]);
  if (major < MINIMUM.major || (major === MINIMUM.major && minor < MINIMUM.minor)) {
    throw new AzdsError(
      "HELM_TOO_OLD",
      `Helm ${text.trim()} is too old: azds needs ${MINIMUM.major}.${MINIMUM.minor} or newer`,
    );
  }
}
