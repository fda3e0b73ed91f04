import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inClusterConnection } from "../../../../core/kube/in-cluster.ts";
import { codeOf } from "../wire/support.ts";

const env = { KUBERNETES_SERVICE_HOST: "10.0.0.1", KUBERNETES_SERVICE_PORT: "443" };

test("inClusterConnection() reads the token anew for each request", async () => {
  const folder = mkdtempSync(join(tmpdir(), "azds-sa-"));
  writeFileSync(join(folder, "ca.crt"), "PEM");
  writeFileSync(join(folder, "token"), "first\n");
  const connection = await inClusterConnection(env, folder);
  expect(connection.server).toBe("https://10.0.0.1:443");
  expect(connection.tls).toEqual({ ca: "PEM" });
  expect(await connection.headers()).toEqual({ authorization: "Bearer first" });
  writeFileSync(join(folder, "token"), "second");
  expect(await connection.headers()).toEqual({ authorization: "Bearer second" });
  const v6 = await inClusterConnection({ KUBERNETES_SERVICE_HOST: "fd00::1" }, folder);
  expect(v6.server).toBe("https://[fd00::1]:443");
  rmSync(folder, { recursive: true });
  expect(await codeOf(connection.headers())).toBe("KUBECONFIG_INVALID");
});

test("inClusterConnection() says when this is no pod, or one without a service account", async () => {
  expect(await codeOf(inClusterConnection({}))).toBe("KUBECONFIG_INVALID");
  expect(await codeOf(inClusterConnection(env, "/nonexistent"))).toBe("KUBECONFIG_INVALID");
});
