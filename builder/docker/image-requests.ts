/** The few requests of the Docker Engine API that the builder may make: about images of ours, and to bring in others' archives of them. */
import { IMAGE_PREFIX } from "../../core/contract.ts";
import { DOCKER_SILENCE_S_MAX } from "../../core/limits.ts";

/** `GET /images/<name>/json` describes an image, `…/get` gives it as an archive, `POST /images/load` takes one. */
const ABOUT_IMAGE = /^\/images\/(?<name>[a-z0-9][a-z0-9._/-]*(?::[A-Za-z0-9._-]+)?)\/(?:json|get)$/;
const LOAD = "/images/load";

export function isPermitted(method: string, path: string): boolean {
  if (method === "POST") return path === LOAD;
  const name = ABOUT_IMAGE.exec(path)?.groups?.["name"] ?? "";
  return method === "GET" && name.startsWith(`${IMAGE_PREFIX}/`) && !name.split("/").includes("..");
}

export interface ImageRequestsOptions {
  /** Path of the socket to make. */
  readonly listen: string;
  /** Path of Docker's. */
  readonly docker: string;
}

/** Bytes of images pass as fast as they are taken. */
export function serveImages({ listen, docker }: ImageRequestsOptions): Bun.Server<undefined> {
  // @ts-expect-error -- Bun takes the idle time for sockets too, and only its types do not
  return Bun.serve({
    unix: listen,
    idleTimeout: DOCKER_SILENCE_S_MAX,
    maxRequestBodySize: Number.MAX_SAFE_INTEGER,
    fetch: async ({ method, url, body, signal }: Request) => {
      const { pathname } = new URL(url);
      if (!isPermitted(method, pathname)) return new Response("The builder may not ask for this", { status: 403 });
      const headers = { "Content-Type": "application/x-tar" };
      const sent = method === "POST" ? { method, headers, body } : { method };
      return fetch(`http://docker${pathname}`, { unix: docker, signal, ...sent });
    },
    error: (error: Error) => new Response(`Docker cannot be asked: ${error.message}`, { status: 502 }),
  });
}
