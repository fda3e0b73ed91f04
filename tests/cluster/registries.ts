import { run } from "./run.ts";

/** What the machine's package managers are configured to use; tests install packages from the same places. */
export type PackageSources = {
  readonly npmRegistry: string;
  readonly pythonIndex: string;
  readonly goProxy: string;
  readonly goChecksums: string;
  /** Everything the nodes must reach for these. */
  readonly endpoints: readonly Endpoint[];
};

export type Endpoint = { readonly host: string; readonly port: number };

/** A bridge to one registry: the name resolves to the address in the cluster, and the forwarder carries its connections. */
export type Bridge = Endpoint & { readonly address: string };

/** Reads the clients' own configuration. A client that is not installed contributes nothing. */
export async function readPackageSources(): Promise<PackageSources> {
  const [npmRegistry, python, go] = await Promise.all([
    ask(["npm", "config", "get", "registry"]),
    ask(["python3", "-c", PYTHON_SOURCES]),
    ask(["go", "env", "GOPROXY", "GOSUMDB"]),
  ]);
  const [pythonIndex = "", pythonFiles = ""] = python.split("\n");
  const [goProxy = "", goChecksums = ""] = go.split("\n");
  const sources = { npmRegistry, pythonIndex, goProxy, goChecksums };
  return { ...sources, endpoints: endpointsOf({ ...sources, pythonFiles }) };
}

/** pip knows its default index and the host of its files; a configured index goes before. */
const PYTHON_SOURCES = `
import subprocess, sys
from pip._internal.models.index import PyPI
configured = subprocess.run([sys.executable, "-m", "pip", "config", "get", "global.index-url"], capture_output=True, text=True)
print(configured.stdout.strip() or PyPI.simple_url)
print(PyPI.file_storage_domain)
`;

async function ask(argv: readonly string[]): Promise<string> {
  if (Bun.which(argv[0] ?? "") === null) return "";
  return (await run(argv)).trim();
}

/** The hosts and ports of all sources, each once. Words that are no host (`direct`, `off`) are left out. */
export function endpointsOf(sources: {
  readonly npmRegistry: string;
  readonly pythonIndex: string;
  readonly pythonFiles: string;
  readonly goProxy: string;
  readonly goChecksums: string;
}): Endpoint[] {
  const urls = [
    sources.npmRegistry,
    sources.pythonIndex,
    sources.pythonFiles,
    ...sources.goProxy.split(/[,|]/),
    // `NAME`, `NAME+KEY` or `NAME+KEY URL`, https://go.dev/ref/mod#environment-variables
    sources.goChecksums.split(" ").at(-1)?.split("+")[0] ?? "",
  ];
  const endpoints = urls.flatMap((text) => endpointOf(text.trim()));
  return endpoints.filter((one, index) => endpoints.findIndex((other) => sameEndpoint(one, other)) === index);
}

function sameEndpoint(one: Endpoint, other: Endpoint): boolean {
  return one.host === other.host && one.port === other.port;
}

function endpointOf(text: string): Endpoint[] {
  const url = URL.parse(text.includes("://") ? text : `https://${text}`);
  if (url === null || !url.hostname.includes(".")) return [];
  const ordinary = url.protocol === "http:" ? 80 : 443;
  return [{ host: url.hostname, port: url.port === "" ? ordinary : Number(url.port) }];
}

const FIRST_BRIDGE = 101;
const BRIDGES_MAX = 50;

/** One address of the node network per registry, so that each can have the port its clients expect. */
export function bridgesTo(endpoints: readonly Endpoint[]): Bridge[] {
  if (endpoints.length > BRIDGES_MAX) throw new Error(`More than ${BRIDGES_MAX} registries are configured`);
  return endpoints.map((endpoint, index) => ({ ...endpoint, address: `10.200.0.${FIRST_BRIDGE + index}` }));
}
