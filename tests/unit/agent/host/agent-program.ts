/** `__agent` as a process: the port of its server is free, and the image configuration comes from the test. */
import { main } from "../../../../agent/host/main.ts";

const [port = "0", imageConfigFile = "", ...argv] = process.argv.slice(2);
// oxlint-disable-next-line unicorn/no-process-exit -- as cli/main.ts does: sockets may still be open
process.exit(await main(argv, { port: Number(port), imageConfigFile }));
