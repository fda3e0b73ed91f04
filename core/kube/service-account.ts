/** Kubernetes' user names of service accounts: `system:serviceaccount:<namespace>:<name>`. */
export interface ServiceAccount {
  readonly namespace: string;
  readonly name: string;
}

/** `undefined` for every other user name. */
export function parseServiceAccount(user: string): ServiceAccount | undefined {
  const [system, kind, namespace, name, ...rest] = user.split(":");
  if (system !== "system" || kind !== "serviceaccount" || rest.length > 0) return undefined;
  if (namespace === undefined || name === undefined || namespace === "" || name === "") return undefined;
  return { namespace, name };
}

export function formatServiceAccount(account: ServiceAccount): string {
  return `system:serviceaccount:${account.namespace}:${account.name}`;
}
