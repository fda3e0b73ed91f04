import { run } from "../run.ts";
import { folder, link, text, type Entry } from "./entry.ts";
import { file, sharedLibraries } from "./machine-files.ts";

const CA_BUNDLE = "/etc/ssl/certs/ca-certificates.crt";

/** What each language's clients call the same thing: the certificates to trust are the machine's. */
export const CA_ENVIRONMENT = ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "PIP_CERT", "REQUESTS_CA_BUNDLE"].map(
  (name) => `${name}=${CA_BUNDLE}`,
);

export const PATH_ENVIRONMENT = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export type Account = { readonly name: string; readonly id: number; readonly home: string };

/** Every image has these: accounts, name resolution, certificates, /tmp. */
export function baseFiles(accounts: readonly Account[] = []): Entry[] {
  const all = [
    { name: "root", id: 0, home: "/root" },
    { name: "nobody", id: 65534, home: "/nonexistent" },
    ...accounts,
  ];
  const passwd = all.map(({ name, id, home }) => `${name}:x:${id}:${id}:${name}:${home}:/bin/sh\n`).join("");
  const group = all.map(({ name, id }) => `${name}:x:${id}:\n`).join("");
  return [
    text("/etc/passwd", passwd),
    text("/etc/group", group),
    text("/etc/nsswitch.conf", "hosts: files dns\n"),
    file(CA_BUNDLE, CA_BUNDLE),
    link("/etc/ssl/cert.pem", CA_BUNDLE),
    folder("/tmp", 0o1777),
    folder("/var/tmp", 0o1777),
    folder("/root", 0o700),
    folder("/proc"),
    folder("/sys"),
    folder("/dev"),
    link("/var/run", "/run"),
    ...accounts.map(({ home, id }) => folder(home, 0o755, id)),
  ];
}

/** A shell and the usual commands: one program under many names. */
export async function busybox(source: string): Promise<Entry[]> {
  const names = (await run([source, "--list"])).split("\n").filter((name) => name !== "" && name !== "busybox");
  return [
    file("/bin/busybox", source, { mode: 0o755 }),
    ...names.map((name) => link(`/bin/${name}`, "busybox")),
    link("/usr/bin/env", "busybox"),
  ];
}

/** The same for images with the machine's C library. */
export async function busyboxWithLibraries(source: string): Promise<Entry[]> {
  return [...(await busybox(source)), ...(await sharedLibraries([source]))];
}

export function osRelease(id: string, version: string): Entry {
  return text(
    "/etc/os-release",
    `NAME="${id}"\nID=${id}\nVERSION_ID=${version}\nPRETTY_NAME="${id} ${version} (test image)"\n`,
  );
}
