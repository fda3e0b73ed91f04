/** `__proxy-init`: redirect rules and search domains of one pod, before its containers start. `--print` only shows the rules. */
import { readFile, writeFile } from "node:fs/promises";
import { ENV, PROGRAM } from "../../core/contract.ts";
import { jsonLog, type Log } from "../../core/host/log.ts";
import { parseSidecarConfig, type SidecarConfig } from "../../core/sidecar-config.ts";
import { applyRedirect } from "./apply.ts";
import { countRules, planRedirect } from "./plan.ts";
import { printRestore } from "./print.ts";
import { reorderSearch } from "./resolv-conf.ts";

const RESOLV_CONF = "/etc/resolv.conf";

/** 0 when rules and search list stand; 1 with one line that says what is missing. */
export async function main(argv: readonly string[]): Promise<number> {
  const log = jsonLog((line) => process.stderr.write(line), PROGRAM.proxyInit);
  try {
    const config = parseSidecarConfig(process.env[ENV.sidecar] ?? "");
    const plan = planRedirect(config);
    if (argv.includes("--print")) {
      process.stdout.write(
        `# iptables-restore --noflush\n${printRestore(plan, "ip")}# ip6tables-restore --noflush\n${printRestore(plan, "ip6")}`,
      );
      return 0;
    }
    const { missing } = applyRedirect(plan);
    if (missing === undefined) log("info", "Redirected", { rules: countRules(plan) });
    else log("warn", "This node has no IPv6 redirect; IPv6 connections pass without the sidecar", { error: missing });
    await rewriteSearch(config, log);
    return 0;
  } catch (error) {
    log("error", error instanceof Error ? error.message : String(error));
    return 1;
  }
}

/** In place: the file is a bind mount, over which nothing can be renamed. */
async function rewriteSearch(config: SidecarConfig, log: Log): Promise<void> {
  const text = await readFile(RESOLV_CONF, "utf8");
  const changed = reorderSearch(text, config);
  if (changed === text) return;
  await writeFile(RESOLV_CONF, changed);
  log("info", "Search domains", { search: /^search .*$/m.exec(changed)?.[0] });
}
