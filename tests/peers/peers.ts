/** Clients and servers that nobody here wrote, fetched once into a folder of the cache. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { run } from "../cluster/run.ts";

// oxlint-disable-next-line node/no-process-env -- where a user wants caches
const CACHE = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "azds-peers");
const PYTHON_PACKAGES = [
  "aiohttp==3.14.5",
  "aiosmtpd==1.4.6",
  "coilmq==1.1.0",
  "greenstalk==2.1.1",
  "h11==0.16.0",
  "httptools==0.9.0",
  "hypercorn==0.18.0",
  "pymemcache==4.0.0",
  "redis==8.1.0",
  "stomp.py==9.0.0",
  "uvicorn==0.54.0",
  "websockets==17.4",
];
const NODE_PACKAGES = ["ws@8.23.0"];

/** A Python with the packages of `PYTHON_PACKAGES`. */
export async function pythonWithPeers(): Promise<string> {
  const folder = await fetched("python", PYTHON_PACKAGES, async (dir) => {
    await run(["python3", "-m", "venv", dir]);
    await run([join(dir, "bin/pip"), "install", "--quiet", "--disable-pip-version-check", ...PYTHON_PACKAGES]);
  });
  return join(folder, "bin/python");
}

/** A folder whose `node_modules` holds the packages of `NODE_PACKAGES`. */
export function nodePeers(): Promise<string> {
  return fetched("node", NODE_PACKAGES, async (dir) => {
    mkdirSync(dir, { recursive: true });
    await run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", dir, ...NODE_PACKAGES]);
  });
}

/** The program of one Go file that needs the standard library alone. */
export async function goProgram(file: string): Promise<string> {
  mkdirSync(CACHE, { recursive: true });
  const program = join(CACHE, `go-${Bun.hash(await Bun.file(file).text()).toString(16)}`);
  if (!existsSync(program)) await run(["go", "build", "-o", program, file]);
  return program;
}

/** Paths inside a Python environment are absolute, so it is made where it stays; a mark says that it is whole. */
async function fetched(
  name: string,
  packages: readonly string[],
  fetch: (dir: string) => Promise<void>,
): Promise<string> {
  const dir = join(CACHE, `${name}-${Bun.hash(packages.join(" ")).toString(16)}`);
  const whole = join(dir, ".whole");
  if (existsSync(whole)) return dir;
  rmSync(dir, { recursive: true, force: true });
  await fetch(dir);
  writeFileSync(whole, "");
  return dir;
}
