/** `-p LOCAL:REMOTE` (pure). */
import { AzdsError } from "../../../core/errors.ts";

export interface PortMapping {
  readonly local: number;
  /** Port of the Service or of the container. */
  readonly remote: number;
}

const PORT_MAX = 65_535;

/** @throws AzdsError USAGE */
export function parsePortMapping(text: string): PortMapping {
  const groups = /^(?<local>\d{1,5}):(?<remote>\d{1,5})$/.exec(text)?.groups;
  const local = Number(groups?.["local"]);
  const remote = Number(groups?.["remote"]);
  if (groups !== undefined && local >= 1 && local <= PORT_MAX && remote >= 1 && remote <= PORT_MAX)
    return { local, remote };
  throw new AzdsError(
    "USAGE",
    `\`-p ${text}\` is no pair of ports: use LOCAL:REMOTE with numbers from 1 to ${PORT_MAX}`,
  );
}
