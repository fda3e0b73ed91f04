export type RendererName = "json" | "live" | "plain";

export interface Surroundings {
  readonly output: "text" | "json";
  readonly verbose: boolean;
  readonly stdoutIsTty: boolean;
  readonly stdinIsTty: boolean;
  readonly env: Readonly<Record<string, string>>;
  /** Whether the command has a live view and the user did not refuse it. */
  readonly live: boolean;
}

export function chooseRenderer(around: Surroundings): RendererName {
  if (around.output === "json") return "json";
  const isPerson = around.stdoutIsTty && around.stdinIsTty && !isCi(around.env) && around.env["TERM"] !== "dumb";
  return around.live && isPerson && !around.verbose ? "live" : "plain";
}

/** https://no-color.org: set and not empty means no colour. */
export function wantsColor(isTty: boolean, env: Readonly<Record<string, string>>): boolean {
  return isTty && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
}

function isCi(env: Readonly<Record<string, string>>): boolean {
  return !["", "0", "false"].includes(env["CI"] ?? "");
}
