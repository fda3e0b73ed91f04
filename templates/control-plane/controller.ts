/** The program that keeps what must hold when no laptop is there, and serves the route feed. */
import { CONTROLLER_RULES } from "../../controller/rules.ts";
import { COMPONENT, ENV, PROGRAM, SERVER_PORT } from "../../core/contract.ts";
import { programAccess } from "./access.ts";
import type { Identity, KubeObject } from "./object.ts";
import { serverProgram } from "./server.ts";
import type { ControlPlaneSettings } from "./settings.ts";

export function controller(settings: ControlPlaneSettings): readonly KubeObject[] {
  const identity: Identity = { name: COMPONENT.controller, component: "controller", version: settings.version };
  const pullSecret = settings.registry?.pullSecret ?? "";
  const env = pullSecret === "" ? {} : { [ENV.pullSecret]: pullSecret };
  const server = { identity, program: PROGRAM.controller, port: SERVER_PORT.controller, env };
  return [...programAccess(identity, CONTROLLER_RULES), ...serverProgram(server, settings)];
}
