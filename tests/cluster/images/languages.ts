import { realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { run } from "../run.ts";
import type { PackageSources } from "../registries.ts";
import type { Image } from "./archive.ts";
import { baseFiles, busyboxWithLibraries, CA_ENVIRONMENT, osRelease, PATH_ENVIRONMENT } from "./base.ts";
import { folder, link, text } from "./entry.ts";
import { file, sharedLibraries, tree } from "./machine-files.ts";

/** What the language images are made with besides the language. */
export type Ingredients = { readonly busybox: string; readonly sources: PackageSources };

/** `docker.io/library/NAME:TAG` for each version and flavour. */
export function publicTags(name: string, versions: readonly string[], flavours: readonly string[]): string[] {
  const tags = versions.flatMap((version) => flavours.map((flavour) => [version, flavour].filter(Boolean).join("-")));
  return [...new Set(tags.filter(Boolean))].map((tag) => `docker.io/library/${name}:${tag}`);
}

/** The machine's Node.js and npm, at the public image's places. */
export async function nodeImage({ busybox, sources }: Ingredients): Promise<Image> {
  const node = realpathSync(programPath("node"));
  const npm = dirname(dirname(realpathSync(programPath("npm"))));
  const version = (await run([node, "--version"])).trim().slice(1);
  const [major = ""] = version.split(".");
  return {
    tags: [
      ...publicTags(
        "node",
        [version, major, "18", "20", "22", "24", "lts"],
        ["", "alpine", "slim", "bookworm", "bookworm-slim"],
      ),
      ...publicTags("node", [""], ["alpine", "slim", "latest"]),
    ],
    config: {
      Entrypoint: ["docker-entrypoint.sh"],
      Cmd: ["node"],
      Env: [
        PATH_ENVIRONMENT,
        ...CA_ENVIRONMENT,
        `NODE_VERSION=${version}`,
        ...setting("NPM_CONFIG_REGISTRY", sources.npmRegistry),
      ],
    },
    entries: [
      ...baseFiles([{ name: "node", id: 1000, home: "/home/node" }]),
      osRelease("debian", "12"),
      ...(await busyboxWithLibraries(busybox)),
      ...(await sharedLibraries([node])),
      file("/usr/local/bin/node", node, { mode: 0o755 }),
      link("/usr/local/bin/nodejs", "node"),
      ...tree({ path: "/usr/local/lib/node_modules/npm", source: npm, skip: (path) => /^(docs|man|test)$/.test(path) }),
      ...["npm", "npx"].map((name) => link(`/usr/local/bin/${name}`, `../lib/node_modules/npm/bin/${name}-cli.js`)),
      text("/usr/local/bin/docker-entrypoint.sh", NODE_ENTRYPOINT, 0o755),
    ],
  };
}

/** Arguments that name no command of the image (a flag, a script) are node's, as with the public image. */
const NODE_ENTRYPOINT = `#!/bin/sh
case "$1" in
  -*) exec node "$@" ;;
esac
command -v "$1" >/dev/null || exec node "$@"
exec "$@"
`;

type PythonPlaces = {
  readonly executable: string;
  readonly version: string;
  readonly stdlib: string;
  readonly packages: string;
};

const PYTHON_PLACES = `
import json, os, pip, platform, sys, sysconfig
print(json.dumps({"executable": os.path.realpath(sys.executable), "version": platform.python_version(),
    "stdlib": sysconfig.get_path("stdlib"), "packages": os.path.dirname(os.path.dirname(pip.__file__))}))
`;

const PYTHON_LEFT_OUT =
  /^(site-packages|dist-packages|test|idlelib|tkinter|turtledemo|ensurepip|lib2to3|config-.*|.*\/tests?)$/;
const PYTHON_MODULES_LEFT_OUT = /lib-dynload\/(_tkinter|_test|_ctypes_test|_xxtest|xxlimited)/;
const PYTHON_PACKAGES = /^(pip|setuptools|pkg_resources|_distutils_hack|distutils-precedence\.pth|wheel)(-.*)?$/;

/** The machine's Python, its standard library and pip. */
export async function pythonImage({ busybox, sources }: Ingredients): Promise<Image> {
  const places = JSON.parse(await run(["python3", "-c", PYTHON_PLACES])) as PythonPlaces;
  const [major = "", minor = ""] = places.version.split(".");
  const name = `python${major}.${minor}`;
  const library = `/usr/local/lib/${name}`;
  const stdlib = tree({
    path: library,
    source: places.stdlib,
    skip: (path) => PYTHON_LEFT_OUT.test(path) || PYTHON_MODULES_LEFT_OUT.test(path),
  });
  const packages = tree({
    path: `${library}/site-packages`,
    source: places.packages,
    skip: (path) => !path.includes("/") && !PYTHON_PACKAGES.test(path),
  });
  const extensions = stdlib.flatMap(({ path, content }) =>
    path.endsWith(".so") && content.kind === "file" ? [content.source] : [],
  );
  return {
    tags: publicTags(
      "python",
      [places.version, `${major}.${minor}`, "3.10", "3.11", "3.12", "3.13", "3", ""],
      ["", "slim", "alpine", "slim-bookworm", "bookworm"],
    ).concat(publicTags("python", ["latest"], [""])),
    config: {
      Cmd: ["python3"],
      Env: [
        PATH_ENVIRONMENT,
        ...CA_ENVIRONMENT,
        "LANG=C.UTF-8",
        `PYTHON_VERSION=${places.version}`,
        ...setting("PIP_INDEX_URL", sources.pythonIndex),
      ],
    },
    entries: [
      ...baseFiles(),
      osRelease("debian", "12"),
      ...(await busyboxWithLibraries(busybox)),
      ...(await sharedLibraries([places.executable, ...extensions])),
      file(`/usr/local/bin/${name}`, places.executable, { mode: 0o755 }),
      ...["python", "python3"].map((alias) => link(`/usr/local/bin/${alias}`, name)),
      ...["pip", "pip3"].map((command) => text(`/usr/local/bin/${command}`, PIP_COMMAND, 0o755)),
      ...stdlib,
      ...packages,
    ],
  };
}

const PIP_COMMAND = `#!/usr/local/bin/python3
import sys
from pip._internal.cli.main import main
sys.exit(main())
`;

const GO_LEFT_OUT = /^(test|api|doc|misc|VERSION\.cache)$|(^|\/)testdata$|_test\.go$/;

/** The machine's Go toolchain without its tests, and its compiled standard library, which a build would else make first. */
export async function goImage({ busybox, sources }: Ingredients, buildCache: string): Promise<Image> {
  const [root = "", version = "", flags = ""] = (await run(["go", "env", "GOROOT", "GOVERSION", "GOFLAGS"])).split(
    "\n",
  );
  const number = version.replace(/^go/, "");
  const series = number.split(".").slice(0, 2).join(".");
  return {
    tags: publicTags(
      "golang",
      [number, series, "1.22", "1.23", "1.24", "1.25", "1.26", "1"],
      ["", "alpine", "bookworm"],
    ).concat(publicTags("golang", ["alpine", "latest", "bookworm"], [""])),
    config: {
      Cmd: ["sh"],
      WorkingDir: "/go",
      Env: [
        "PATH=/go/bin:/usr/local/go/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        ...CA_ENVIRONMENT,
        "GOPATH=/go",
        "GOTOOLCHAIN=local",
        `GOLANG_VERSION=${number}`,
        // There is no C compiler and no version control in the image.
        "CGO_ENABLED=0",
        `GOFLAGS=${flags.includes("-buildvcs=false") ? flags : `${flags} -buildvcs=false`.trim()}`,
        ...setting("GOPROXY", sources.goProxy),
        ...setting("GOSUMDB", sources.goChecksums),
      ],
    },
    entries: [
      ...baseFiles(),
      osRelease("debian", "12"),
      ...(await busyboxWithLibraries(busybox)),
      ...tree({ path: "/usr/local/go", source: root, skip: (path) => GO_LEFT_OUT.test(path) }),
      ...tree({ path: "/root/.cache/go-build", source: buildCache }),
      ...["/go/bin", "/go/src", "/go/pkg"].map((path) => folder(path, 0o1777)),
    ],
  };
}

/** Fills an empty Go build cache with what a service over HTTP compiles of the standard library. */
export async function fillGoBuildCache(dir: string): Promise<void> {
  const packages = ["net/http", "encoding/json", "database/sql", "log/slog", "html/template"];
  await run(["env", `GOCACHE=${dir}`, "CGO_ENABLED=0", "go", "build", ...packages], { cwd: "/" });
}

function setting(name: string, value: string): string[] {
  return value === "" ? [] : [`${name}=${value}`];
}

function programPath(name: string): string {
  const path = Bun.which(name);
  if (path === null) throw new Error(`\`${name}\` is not installed: the test images are made from it`);
  return join(path);
}
