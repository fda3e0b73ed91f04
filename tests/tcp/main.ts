/** `make prove-tcp`: what is not HTTP, and connections by the thousand. Prints a line `ok WHAT` or `FAIL WHAT` for each. */
import { proveIdleConnections } from "./idle-connections.ts";
import { proveLookAlikes } from "./look-alikes.ts";

await proveIdleConnections();
await proveLookAlikes();
// oxlint-disable-next-line unicorn/no-process-exit -- the end of a program, whose relayed connections may be open still
process.exit(0);
