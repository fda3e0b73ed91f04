/** Reports of bugs in azds, kept on the user's machine. Nothing is sent anywhere. */
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { VERSION } from "../core/contract.ts";
import { CRASH_LOGS_MAX } from "../core/limits.ts";
import type { Host } from "./host.ts";

/** Path of the written report, or `undefined` where the folder cannot be written. */
export async function writeCrashLog(host: Host, argv: readonly string[], detail: string): Promise<string | undefined> {
  const folder = logFolder(host);
  const at = new Date(host.clock.now()).toISOString();
  const path = join(folder, `azds-${at.replaceAll(/[:.]/g, "-")}.txt`);
  const head = [
    `azds ${VERSION}`,
    `at ${at}`,
    `on ${process.platform} ${process.arch}`,
    `command azds ${argv.join(" ")}`,
  ];
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await Bun.write(path, `${head.join("\n")}\n\n${detail}\n`);
    await removeOldest(folder);
    return path;
  } catch {
    // The report is a service on top of the message that the user sees anyway.
    return undefined;
  }
}

/** XDG base directory specification: state that need not be portable. */
function logFolder(host: Host): string {
  const state = host.env["XDG_STATE_HOME"] ?? "";
  return state === "" ? join(host.folder, "logs") : join(state, "azds", "log");
}

async function removeOldest(folder: string): Promise<void> {
  const reports = (await readdir(folder)).filter((name) => /^azds-.*\.txt$/.test(name)).toSorted();
  const surplus = reports.slice(0, Math.max(0, reports.length - CRASH_LOGS_MAX));
  await Promise.all(surplus.map((name) => rm(join(folder, name), { force: true })));
}
