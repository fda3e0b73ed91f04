/**
 * `__agent` as a process: the port of its server is free, and the image configuration comes from the test, as do the
 * members of AgentOptions in AGENT_TEST_OPTIONS. The journal lies beside the configuration, and
 * so does the file `port`, once it listens.
 */
import { renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type AgentOptions, main } from "../../../../agent/host/main.ts";

const [port = "0", imageConfigFile = "", ...argv] = process.argv.slice(2);
const journalFolder = join(dirname(imageConfigFile), "journal");
const onListening = (taken: number): void => {
  writeFileSync(join(dirname(imageConfigFile), "port.new"), String(taken));
  renameSync(join(dirname(imageConfigFile), "port.new"), join(dirname(imageConfigFile), "port"));
};
const options = JSON.parse(process.env["AGENT_TEST_OPTIONS"] ?? "{}") as AgentOptions;
// oxlint-disable-next-line unicorn/no-process-exit -- as cli/main.ts does: sockets may still be open
process.exit(await main(argv, { port: Number(port), imageConfigFile, journalFolder, onListening, ...options }));
