/**
 * The sidecar as it is shipped, compiled as it is shipped, outside a pod. Two things differ: where a connection was
 * meant to go is told by the loopback address that was dialled (getsockname(2)), in place of the redirect
 * (getsockopt(2)), and the feed's token is none.
 */
import { dlopen, FFIType } from "bun:ffi";
import { writeSync } from "node:fs";
import { ENV, PROGRAM } from "../../core/contract.ts";
import { systemClock } from "../../core/host/clock.ts";
import { jsonLog } from "../../core/host/log.ts";
import { parseSidecarConfig } from "../../core/sidecar-config.ts";
import { INHERITED_SOCKETS } from "../../proxy/sidecar/listening-sockets.ts";
import type { OriginalDestination } from "../../proxy/sidecar/original-destination.ts";
import { readSocketAddress } from "../../proxy/tcp/socket-address.ts";
import { DESTINATION_PORT, POD_IP } from "./world.ts";

const SOCKADDR_BYTES_MAX = 28;

const [program, ...argv] = process.argv.slice(2);
if (program === PROGRAM.proxyWorker) await runWorker();
else process.exitCode = await (await import("../../proxy/sidecar/main.ts")).main(argv);

async function runWorker(): Promise<void> {
  const [{ runSidecar }, { atTimes, openCodeRelease }] = await Promise.all([
    import("../../proxy/sidecar/sidecar.ts"),
    import("../../proxy/sidecar/resident-code.ts"),
  ]);
  process.once("SIGTERM", () => process.exit(0));
  runSidecar({
    config: parseSidecarConfig(process.env[ENV.sidecar] ?? ""),
    ips: [POD_IP],
    sockets: INHERITED_SOCKETS,
    originalDestination: openLocalAddress(),
    releaseCode: atTimes(systemClock, openCodeRelease()),
    token: async () => "none",
    clock: systemClock,
    log: jsonLog((line) => void writeSync(2, line), PROGRAM.proxyWorker),
    signal: new AbortController().signal,
  });
}

function openLocalAddress(): OriginalDestination {
  const libc = dlopen("libc.so.6", {
    getsockname: { args: [FFIType.i32, FFIType.ptr, FFIType.ptr], returns: FFIType.i32 },
  });
  const address = new Uint8Array(new ArrayBuffer(SOCKADDR_BYTES_MAX));
  const length = new Uint32Array(new ArrayBuffer(8));
  return (fd) => {
    length[0] = SOCKADDR_BYTES_MAX;
    if (libc.symbols.getsockname(fd, address, length) !== 0) return undefined;
    const local = readSocketAddress(address);
    if (local === undefined) return undefined;
    return { address: local.address, port: DESTINATION_PORT };
  };
}
