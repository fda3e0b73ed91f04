/** Every command, in the order of `--help`. A list, not a scan of folders: the executable has no folders. */
import { clusterDisable } from "./cluster-disable.ts";
import { clusterEnable } from "./cluster-enable.ts";
import { clusterStatus } from "./cluster-status.ts";
import type { AnyCommand } from "./define.ts";
import { down } from "./down.ts";
import { exec } from "./exec.ts";
import { imageExport } from "./image-export.ts";
import { init } from "./init.ts";
import { listUp } from "./list-up.ts";
import { listUris } from "./list-uris.ts";
import { logs } from "./logs.ts";
import { routeExplain } from "./route-explain.ts";
import { showContext } from "./show-context.ts";
import { spaceCreate } from "./space-create.ts";
import { spaceList } from "./space-list.ts";
import { spaceRemove } from "./space-remove.ts";
import { spaceSelect } from "./space-select.ts";
import { trace } from "./trace.ts";
import { up } from "./up.ts";
import { version } from "./version.ts";

export const COMMANDS: readonly AnyCommand[] = [
  init,
  up,
  down,
  exec,
  logs,
  trace,
  routeExplain,
  listUp,
  listUris,
  showContext,
  spaceSelect,
  spaceCreate,
  spaceList,
  spaceRemove,
  clusterEnable,
  clusterDisable,
  clusterStatus,
  imageExport,
  version,
];

/** Groups of commands and what they are about. */
export const GROUPS: Readonly<Record<string, string>> = {
  route: "How requests are routed",
  space: "Dev spaces of the cluster",
  cluster: "azds in the cluster",
  image: "The image of azds",
};
