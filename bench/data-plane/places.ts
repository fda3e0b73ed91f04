/** Who listens where. All addresses are loopback; the cores are told apart so that a proxy is measured alone. */

/** The proxies, one at a time under load, share this one. */
export const PROXY_CORE = 1;
/** Load generator, server and this program. */
export const LOAD_CORE = 0;

/** TCP is not routed: the server listens at the very address that was dialled. */
export const UPSTREAM_PORT = { http: 18_100, websocket: 18_101, http2: 18_102 } as const;

export const NGINX_PORT = { pooled: 18_200, own: 18_201, tcp: 18_202, http2: 18_203 } as const;
export const HAPROXY_PORT = { pooled: 18_210, own: 18_211, tcp: 18_212, http2: 18_213 } as const;
export const CADDY_PORT = { http1: 18_220, http2: 18_221 } as const;
export const TRAEFIK_PORT = { http1: 18_230, http2: 18_231, tcp: 18_232 } as const;

/** Cluster IPs of Services, as the sidecar sees them. */
export const SERVICE_IP = { http: "127.0.0.2", websocket: "127.0.0.3", tcp: "127.0.0.4", http2: "127.0.0.5" } as const;
