/** Where a service is reached through a gateway. */
export interface SpaceAddress {
  /** The space a request is to belong to. */
  readonly space: string;
  /** The root of its tree; the same as `space` in a root. */
  readonly root: string;
  readonly service: string;
  /** With its leading dot. */
  readonly suffix: string;
  /** Left out of the URL when absent or 80. */
  readonly port?: number;
  readonly tls?: boolean;
}

/** `http[s]://[<child>.s.]<root>.<service><suffix>[:<port>]/` */
export function spaceUrl({ space, root, service, suffix, port, tls }: SpaceAddress): string {
  const child = space === root ? "" : `${space}.s.`;
  const at = port === undefined || port === 80 ? "" : `:${port}`;
  const scheme = tls === true ? "https" : "http";
  return `${scheme}://${child}${root}.${service}${suffix}${at}/`;
}
