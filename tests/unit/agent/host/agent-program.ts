/**
 * `__agent` as a process: the port of its server is free, and the image configuration comes from the test, as do the
 * members of AgentOptions in AGENT_TEST_OPTIONS. The journal lies beside the configuration.
 */
import { dirname, join } from "node:path";
import { type AgentOptions, main } from "../../../../agent/host/main.ts";

const [port = "0", imageConfigFile = "", ...argv] = process.argv.slice(2);
const journalFolder = join(dirname(imageConfigFile), "journal");
const options = JSON.parse(process.env["AGENT_TEST_OPTIONS"] ?? "{}") as AgentOptions;
// oxlint-disable-next-line unicorn/no-process-exit -- as cli/main.ts does: sockets may still be open
process.exit(await main(argv, { port: Number(port), imageConfigFile, journalFolder, ...options }));
