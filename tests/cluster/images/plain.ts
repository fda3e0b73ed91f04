import { join } from "node:path";
import { DNS_IMAGE } from "../dns.ts";
import { PAUSE_IMAGE } from "../node-agents.ts";
import type { ImagePrograms } from "../programs.ts";
import type { Image } from "./archive.ts";
import { baseFiles, busybox, busyboxWithLibraries, CA_ENVIRONMENT, osRelease, PATH_ENVIRONMENT } from "./base.ts";
import { link, text } from "./entry.ts";
import { file, sharedLibraries } from "./machine-files.ts";

const MUSL_LIBRARY = "/usr/lib/x86_64-linux-musl/libc.so";

export function pauseImage(programs: ImagePrograms): Image {
  return { tags: [PAUSE_IMAGE], config: { Entrypoint: ["/pause", "init"] }, entries: [file("/pause", programs.node)] };
}

export function dnsImage(programs: ImagePrograms): Image {
  return {
    tags: [DNS_IMAGE],
    config: { Entrypoint: ["/coredns"] },
    entries: [...baseFiles(), file("/coredns", programs.coredns)],
  };
}

export async function buildkitImage(programs: ImagePrograms, staticBusybox: string): Promise<Image> {
  const runc = Bun.which("runc", { PATH: "/usr/local/sbin:/usr/sbin:/usr/bin" }) ?? "/usr/sbin/runc";
  return {
    tags: ["docker.io/moby/buildkit:v0.25.2"],
    config: { Entrypoint: ["buildkitd"], Env: [PATH_ENVIRONMENT, ...CA_ENVIRONMENT] },
    entries: [
      ...baseFiles(),
      ...(await busybox(staticBusybox)),
      ...(await sharedLibraries([runc])),
      file("/usr/bin/buildkitd", programs.buildkitd),
      file("/usr/bin/buildctl", programs.buildctl),
      file("/usr/bin/buildkit-runc", runc),
      link("/usr/bin/runc", "buildkit-runc"),
    ],
  };
}

export async function busyboxImage(dynamicBusybox: string): Promise<Image> {
  const tags = ["1.36", "1", "latest", "stable", "1.36-glibc"].map((tag) => `docker.io/library/busybox:${tag}`);
  return {
    tags,
    config: { Cmd: ["sh"], Env: [PATH_ENVIRONMENT] },
    entries: [...baseFiles(), ...(await busyboxWithLibraries(dynamicBusybox))],
  };
}

/** Like Alpine: musl is the C library, busybox the commands. The commands are static, for nothing else must need glibc. */
export async function alpineImage(staticBusybox: string): Promise<Image> {
  return {
    tags: ["3.19", "3.20", "3.21", "3.22", "3", "latest"].map((tag) => `docker.io/library/alpine:${tag}`),
    config: { Cmd: ["/bin/sh"], Env: [PATH_ENVIRONMENT] },
    entries: [
      ...baseFiles(),
      osRelease("alpine", "3.20"),
      text("/etc/alpine-release", "3.20.0\n"),
      ...(await busybox(staticBusybox)),
      file("/lib/ld-musl-x86_64.so.1", MUSL_LIBRARY, { mode: 0o755 }),
      link("/lib/libc.musl-x86_64.so.1", "ld-musl-x86_64.so.1"),
    ],
  };
}

/** No shell, no commands, no libraries. */
export function distrolessImage(): Image {
  return {
    tags: ["nonroot", "latest"].flatMap((tag) =>
      ["static", "static-debian12"].map((name) => `gcr.io/distroless/${name}:${tag}`),
    ),
    config: {
      User: "65532",
      WorkingDir: "/home/nonroot",
      Env: [PATH_ENVIRONMENT, "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"],
    },
    entries: [...baseFiles([{ name: "nonroot", id: 65532, home: "/home/nonroot" }]), osRelease("debian", "12")],
  };
}

export const REDIS_PACKAGES = [
  "redis-server",
  "redis-tools",
  "libjemalloc2",
  "liblua5.1-0",
  "liblzf1",
  "lua-cjson",
  "lua-bitop",
];

/** Debian's Redis from packages unpacked into `root`. */
export async function redisImage(root: string, dynamicBusybox: string): Promise<Image> {
  const program = (name: string): string => join(root, "usr/bin", name);
  const libraries = await sharedLibraries(
    [program("redis-check-rdb"), program("redis-cli")],
    join(root, "usr/lib/x86_64-linux-gnu"),
  );
  const tags = ["7", "7-alpine", "7.0", "6", "6-alpine", "alpine", "latest"].map(
    (tag) => `docker.io/library/redis:${tag}`,
  );
  return {
    tags,
    config: {
      Entrypoint: ["docker-entrypoint.sh"],
      Cmd: ["redis-server"],
      WorkingDir: "/data",
      Env: [PATH_ENVIRONMENT],
      ExposedPorts: { "6379/tcp": {} },
    },
    entries: [
      ...baseFiles([{ name: "redis", id: 999, home: "/data" }]),
      ...(await busyboxWithLibraries(dynamicBusybox)),
      ...libraries,
      file("/usr/local/bin/redis-server", program("redis-check-rdb")),
      file("/usr/local/bin/redis-cli", program("redis-cli")),
      text("/usr/local/bin/docker-entrypoint.sh", REDIS_ENTRYPOINT, 0o755),
    ],
  };
}

/** Without a password Debian's Redis answers only its own host; the public image answers everyone. */
const REDIS_ENTRYPOINT = `#!/bin/sh
case "$1" in
  -* | *.conf) set -- redis-server "$@" ;;
esac
[ "$1" = redis-server ] && set -- "$@" --protected-mode no
exec "$@"
`;
