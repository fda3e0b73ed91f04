/** What enabling tells `__gateway` in `ENV.gateway`. */
import { expectObject, expectString, parseJson } from "./parse.ts";

export interface GatewayConfig {
  /** Suffix of URLs, with its leading dot. */
  readonly hostSuffix: string;
  /** DNS name of the controller's Service; its certificate carries `<name>.<namespace>.svc`. */
  readonly controller: string;
  /** Requests from outside keep their route header. */
  readonly trustExternalHeader: boolean;
}

export function formatGatewayConfig(config: GatewayConfig): string {
  return JSON.stringify(config);
}

/** @throws AzdsError PROTOCOL when the text is no configuration of this version */
export function parseGatewayConfig(text: string): GatewayConfig {
  const place = { code: "PROTOCOL", path: "AZDS_GATEWAY" } as const;
  const value = expectObject(parseJson(text, place), place);
  return {
    hostSuffix: expectString(value["hostSuffix"], { ...place, path: "AZDS_GATEWAY.hostSuffix" }),
    controller: expectString(value["controller"], { ...place, path: "AZDS_GATEWAY.controller" }),
    trustExternalHeader: value["trustExternalHeader"] === true,
  };
}
