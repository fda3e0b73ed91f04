import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { API_SERVICE_ADDRESS, type ClusterLayout, nodeLayout } from "./layout.ts";
import { run } from "./run.ts";

/** A certificate signed by the cluster's own authority. */
export type CertificateRequest = {
  /** File name without ending. */
  readonly name: string;
  /** OpenSSL's form: `/O=group/CN=user`. Kubernetes takes O as groups and CN as the user. */
  readonly subject: string;
  /** `DNS:x` and `IP:y`; a server's. */
  readonly alternativeNames?: readonly string[];
};

const DAYS = "3650";
const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
/** Without a file of its own OpenSSL adds the machine's default extensions, which make every certificate an authority. */
const CONFIG = "[req]\ndistinguished_name = name\n[name]\n";

export const CONTROL_PLANE_CERTIFICATES: readonly CertificateRequest[] = [
  {
    name: "apiserver",
    subject: "/CN=kube-apiserver",
    alternativeNames: [
      ...["kubernetes", "kubernetes.default", "kubernetes.default.svc", "localhost"].map((name) => `DNS:${name}`),
      ...["127.0.0.1", API_SERVICE_ADDRESS, "10.200.0.1"].map((address) => `IP:${address}`),
    ],
  },
  { name: "admin", subject: "/O=system:masters/CN=admin" },
  { name: "controller-manager", subject: "/CN=system:kube-controller-manager" },
  { name: "scheduler", subject: "/CN=system:kube-scheduler" },
  { name: "kube-proxy", subject: "/CN=system:kube-proxy" },
  { name: "front-proxy", subject: "/CN=front-proxy" },
];

export function nodeCertificate(cluster: ClusterLayout, index: number): CertificateRequest {
  const { name, address } = nodeLayout(cluster, index);
  return {
    name,
    subject: `/O=system:nodes/CN=system:node:${name}`,
    alternativeNames: [`DNS:${name}`, `IP:${address}`],
  };
}

/** Makes the authority, the key of service accounts, and the control plane's certificates. */
export async function createPki(cluster: ClusterLayout): Promise<void> {
  const dir = cluster.pkiDir;
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  writeFileSync(join(dir, "openssl.cnf"), CONFIG);
  const usage = ["-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign"];
  await Promise.all([
    run(
      [
        "openssl",
        "req",
        "-x509",
        "-config",
        "openssl.cnf",
        ...NEW_KEY,
        "-keyout",
        "ca.key",
        "-out",
        "ca.crt",
        "-days",
        DAYS,
        "-subj",
        "/CN=azds-test-ca",
        ...usage,
      ],
      { cwd: dir },
    ),
    run(["openssl", "genrsa", "-out", "service-accounts.key", "2048"], { cwd: dir }),
  ]);
  await Promise.all(
    [...CONTROL_PLANE_CERTIFICATES, nodeCertificate(cluster, 1)].map((request) => signCertificate(cluster, request)),
  );
}

/** Makes NAME.key and NAME.crt in the cluster's pki folder. */
export async function signCertificate(
  cluster: Pick<ClusterLayout, "pkiDir">,
  request: CertificateRequest,
): Promise<void> {
  const usage = request.alternativeNames === undefined ? "clientAuth" : "clientAuth,serverAuth";
  const names =
    request.alternativeNames === undefined ? [] : ["-addext", `subjectAltName=${request.alternativeNames.join(",")}`];
  const files = ["-keyout", `${request.name}.key`, "-out", `${request.name}.crt`];
  const authority = ["-CA", "ca.crt", "-CAkey", "ca.key"];
  await run(
    [
      "openssl",
      "req",
      "-x509",
      "-config",
      "openssl.cnf",
      ...authority,
      ...NEW_KEY,
      ...files,
      "-days",
      DAYS,
      "-subj",
      request.subject,
      "-addext",
      `extendedKeyUsage=${usage}`,
      ...names,
    ],
    { cwd: cluster.pkiDir },
  );
}
