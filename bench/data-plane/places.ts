/** Who listens where. All addresses are loopback; the cores are told apart so that a proxy is measured alone. */

/** The proxies, one at a time under load, share this one. */
export const PROXY_CORE = 1;
/** Load generator, server and this program. */
export const LOAD_CORE = 0;

export const UPSTREAM_PORT = { http: 18_100 } as const;

export const NGINX_PORT = { pooled: 18_200, own: 18_201 } as const;
export const HAPROXY_PORT = { pooled: 18_210, own: 18_211 } as const;
export const CADDY_PORT = 18_220;

/** Cluster IP of the Service that HTTP requests are for, as the sidecar sees it. */
export const SERVICE_IP = { http: "127.0.0.2" } as const;
