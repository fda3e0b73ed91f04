/** Certificate and key in a Secret, written so that replicas racing for it end with the same content. */
import { FIELD_MANAGER, SYSTEM_NAMESPACE } from "../../core/contract.ts";
import { certificateOfSecret, type Certificate, type PairKeys } from "../../core/host/certificate.ts";
import { KubeError, type KubeClient } from "../../core/kube/types.ts";
import { CONFLICTS_MAX } from "../../core/limits.ts";
import { asString, at } from "../../core/parse.ts";
import { CONTROLLER_LABELS } from "../labels.ts";

const COLLECTION = `/api/v1/namespaces/${SYSTEM_NAMESPACE}/secrets`;

export interface SecretPlace {
  readonly name: string;
  /** The Secret's type; fixed once it is made. */
  readonly type: string;
  readonly keys: PairKeys;
}

export interface SecretRules {
  /** Whether a pair that is there already stays. */
  readonly keep: (pair: Certificate) => boolean;
  /** The pair to write; `old` is what it replaces. Called once at most. */
  readonly make: (old: Certificate | undefined) => Promise<Certificate>;
}

/** The pair in force after the call: one that was kept, our new one, or that of a replica that was faster. */
export async function ensurePair(kube: KubeClient, place: SecretPlace, rules: SecretRules): Promise<Certificate> {
  let fresh: Certificate | undefined;
  for (let attempt = 0; attempt < CONFLICTS_MAX; attempt += 1) {
    const found = await kube.find(`${COLLECTION}/${place.name}`);
    const old = certificateOfSecret(found, place.keys);
    if (old !== undefined && rules.keep(old)) return old;
    fresh ??= await rules.make(old);
    const version = asString(at(found, "metadata", "resourceVersion"));
    if (await write(kube, secretOf(place, fresh, version))) return fresh;
  }
  throw new Error(`Secret ${place.name} changed ${CONFLICTS_MAX} times while it was being written`);
}

/** The pair that is there; `undefined` when there is none or it cannot be used. */
export async function readPair(kube: KubeClient, place: SecretPlace): Promise<Certificate | undefined> {
  return certificateOfSecret(await kube.find(`${COLLECTION}/${place.name}`), place.keys);
}

type Secret = ReturnType<typeof secretOf>;

/** With the version of the Secret that it replaces; `undefined` for one that is not there yet. */
function secretOf(place: SecretPlace, pair: Certificate, version: string | undefined) {
  return {
    apiVersion: "v1",
    kind: "Secret",
    type: place.type,
    metadata: {
      name: place.name,
      namespace: SYSTEM_NAMESPACE,
      labels: CONTROLLER_LABELS,
      ...(version === undefined ? {} : { resourceVersion: version }),
    },
    data: { [place.keys.cert]: encoded(pair.cert), [place.keys.key]: encoded(pair.key) },
  };
}

/** False when somebody else wrote in between. */
async function write(kube: KubeClient, secret: Secret): Promise<boolean> {
  const isNew = secret.metadata.resourceVersion === undefined;
  const path = isNew ? COLLECTION : `${COLLECTION}/${secret.metadata.name}`;
  try {
    await kube.request({
      method: isNew ? "POST" : "PUT",
      path: `${path}?fieldManager=${FIELD_MANAGER}`,
      body: secret,
    });
    return true;
  } catch (error) {
    if (error instanceof KubeError && error.status === 409) return false;
    throw error;
  }
}

function encoded(text: string): string {
  return Buffer.from(text).toString("base64");
}
