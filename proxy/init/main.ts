/** `__proxy-init`: redirect rules and search domains of one pod, before its containers start. `--print` only shows the rules. */
import { readFile, writeFile } from "node:fs/promises";
import { constants } from "node:os";
import { ENV, PROGRAM } from "../../core/contract.ts";
import { jsonLog, type Log } from "../../core/host/log.ts";
import { parseSidecarConfig, type SidecarConfig } from "../../core/sidecar-config.ts";
import { NetlinkError, sendBatch } from "./netlink.ts";
import { encodeBatch } from "./nf-tables.ts";
import { type Chain, planRedirect } from "./plan.ts";
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
    redirect(plan, log);
    await rewriteSearch(config, log);
    return 0;
  } catch (error) {
    log("error", error instanceof Error ? error.message : String(error));
    return 1;
  }
}

/** One batch a family, because a node may have no IPv6 at all. */
function redirect(plan: readonly Chain[], log: Log): void {
  sendBatch(encodeBatch(plan, "ip"));
  try {
    sendBatch(encodeBatch(plan, "ip6"));
  } catch (error) {
    if (!isMissingFamily(error)) throw error;
    log("warn", "This node has no IPv6 redirect; IPv6 connections pass without the sidecar", { error: error.message });
    return;
  }
  log("info", "Redirected", { rules: plan.reduce((sum, chain) => sum + chain.rules.length, 0) });
}

function isMissingFamily(error: unknown): error is NetlinkError {
  const { EAFNOSUPPORT, EOPNOTSUPP, ENOENT, EPROTONOSUPPORT } = constants.errno;
  return error instanceof NetlinkError && [EAFNOSUPPORT, EOPNOTSUPP, ENOENT, EPROTONOSUPPORT].includes(error.errno);
}

/** In place: the file is a bind mount, over which nothing can be renamed. */
async function rewriteSearch(config: SidecarConfig, log: Log): Promise<void> {
  const text = await readFile(RESOLV_CONF, "utf8");
  const changed = reorderSearch(text, config);
  if (changed === text) return;
  await writeFile(RESOLV_CONF, changed);
  log("info", "Search domains", { search: /^search .*$/m.exec(changed)?.[0] });
}
