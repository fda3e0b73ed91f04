/** What injected pods must know of our own servers: their addresses and our certificate authority. Both may change. */
import { CA_CONFIG_MAP, COMPONENT, SYSTEM_NAMESPACE, VERSION } from "../core/contract.ts";
import type { KubeClient } from "../core/kube/types.ts";
import { asString, at } from "../core/parse.ts";
import type { ServerAddress } from "../core/sidecar-config.ts";
import type { InjectSettings, WebhookSettings } from "./settings.ts";

export interface Installation {
  /** Keeps the facts current until the signal. */
  readonly follow: (signal: AbortSignal) => Promise<void>;
  /** `undefined` while something is missing. */
  readonly settings: () => InjectSettings | undefined;
  /** In words, for the readiness probe and the log. */
  readonly missing: () => readonly string[];
}

const OWN = `/api/v1/namespaces/${SYSTEM_NAMESPACE}`;

/** A deleted object changes nothing: its successor will, and pods admitted meanwhile may still be right. */
export function createInstallation(kube: KubeClient, settings: WebhookSettings): Installation {
  const addresses = new Map<string, string>();
  let ca = "";

  const onService = (service: unknown): void => {
    const name = asString(at(service, "metadata", "name"));
    const address = asString(at(service, "spec", "clusterIP")) ?? "";
    if (name !== undefined && address !== "" && address !== "None") addresses.set(name, address);
  };
  const onConfigMap = (configMap: unknown): void => {
    const pem = asString(at(configMap, "data", "ca.crt")) ?? "";
    if (pem !== "") ca = pem;
  };
  const server = (name: string): ServerAddress | undefined => {
    const address = addresses.get(name);
    return address === undefined ? undefined : { address, port: 443, serverName: `${name}.${SYSTEM_NAMESPACE}.svc` };
  };

  return {
    follow: async (signal) => {
      await Promise.all([
        forEachObject(kube.watch(`${OWN}/services`, signal), onService),
        forEachObject(
          kube.watch(`${OWN}/configmaps?fieldSelector=metadata.name%3D${CA_CONFIG_MAP}`, signal),
          onConfigMap,
        ),
      ]);
    },
    settings: () => {
      const [controller, builder] = [server(COMPONENT.controller), server(COMPONENT.builder)];
      if (controller === undefined || builder === undefined || ca === "") return undefined;
      return { ...settings, version: VERSION, controller, builder, ca };
    },
    missing: () => [
      ...[COMPONENT.controller, COMPONENT.builder]
        .filter((name) => !addresses.has(name))
        .map((name) => `Service ${name}`),
      ...(ca === "" ? [`ConfigMap ${CA_CONFIG_MAP}`] : []),
    ],
  };
}

async function forEachObject(events: ReturnType<KubeClient["watch"]>, use: (object: unknown) => void): Promise<void> {
  for await (const event of events) {
    if (event.type === "added" || event.type === "modified") use(event.object);
  }
}
