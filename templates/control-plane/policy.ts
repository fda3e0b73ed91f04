/** What somebody with `azds-space-creator` may do to namespaces (ValidatingAdmissionPolicy, CEL). */
import { CREATOR_ANNOTATION, SPACE_LABEL, SPACE_POLICY, SYSTEM_NAMESPACE } from "../../core/contract.ts";
import { clusterScoped, type KubeObject } from "./object.ts";
import { SPACES } from "./rules.ts";

const GROUP = "admissionregistration.k8s.io";

/** Prefixes of the labels and annotations that a creator of spaces may write. */
const OWN_PREFIXES = ["azds.io/", "app.kubernetes.io/", "kubectl.kubernetes.io/"] as const;
/** Written by the API server itself. */
const NAME_LABEL = "kubernetes.io/metadata.name";

export function spacePolicy(version: string): readonly KubeObject[] {
  const metadata = clusterScoped({ name: SPACE_POLICY, component: "access", version });
  return [
    {
      apiVersion: `${GROUP}/v1`,
      kind: "ValidatingAdmissionPolicy",
      metadata,
      spec: {
        failurePolicy: "Fail",
        matchConstraints: {
          resourceRules: [
            {
              apiGroups: [""],
              apiVersions: ["v1"],
              resources: ["namespaces"],
              operations: ["CREATE", "UPDATE", "DELETE"],
            },
          ],
        },
        matchConditions: [
          { name: "may-create-spaces", expression: mayDo(SPACES.create) },
          { name: "is-no-administrator", expression: `!${mayDo(SPACES.administer)}` },
        ],
        variables: VARIABLES,
        validations: VALIDATIONS,
      },
    },
    {
      apiVersion: `${GROUP}/v1`,
      kind: "ValidatingAdmissionPolicyBinding",
      metadata,
      spec: { policyName: SPACE_POLICY, validationActions: ["Deny"] },
    },
  ];
}

const VARIABLES = [
  { name: "target", expression: "request.operation == 'DELETE' ? oldObject : object" },
  { name: "user", expression: "request.userInfo.username" },
  { name: "labels", expression: "variables.target.metadata.?labels.orValue({})" },
  { name: "annotations", expression: "variables.target.metadata.?annotations.orValue({})" },
  { name: "oldLabels", expression: "oldObject == null ? {} : oldObject.metadata.?labels.orValue({})" },
  { name: "oldAnnotations", expression: "oldObject == null ? {} : oldObject.metadata.?annotations.orValue({})" },
  { name: "creator", expression: `variables.annotations[?'${CREATOR_ANNOTATION}'].orValue('')` },
  { name: "oldCreator", expression: `variables.oldAnnotations[?'${CREATOR_ANNOTATION}'].orValue('')` },
];

const VALIDATIONS = [
  {
    expression: `variables.target.metadata.name != '${SYSTEM_NAMESPACE}' && !variables.target.metadata.name.startsWith('kube-')`,
    message: `the namespaces ${SYSTEM_NAMESPACE} and kube-* are reserved`,
    reason: "Forbidden",
  },
  {
    expression: `request.operation != 'CREATE' || variables.labels[?'${SPACE_LABEL}'].orValue('') == 'true'`,
    message: `azds-space-creator may create only spaces: label the namespace ${SPACE_LABEL}=true`,
    reason: "Forbidden",
  },
  {
    expression: "request.operation == 'CREATE' || variables.oldCreator == variables.user",
    message: "azds-space-creator may change and delete only spaces created by the same user",
    reason: "Forbidden",
  },
  {
    expression:
      "request.operation == 'CREATE' ? variables.creator in ['', variables.user] : variables.creator == variables.oldCreator",
    message: `the annotation ${CREATOR_ANNOTATION} cannot be changed`,
    reason: "Forbidden",
  },
  {
    expression: onlyOwnKeys("labels", "oldLabels"),
    message: `azds-space-creator may write only labels of ${OWN_PREFIXES.join(", ")}`,
    reason: "Forbidden",
  },
  {
    expression: onlyOwnKeys("annotations", "oldAnnotations"),
    message: `azds-space-creator may write only annotations of ${OWN_PREFIXES.join(", ")}`,
    reason: "Forbidden",
  },
];

function mayDo(verb: string): string {
  return `authorizer.group('${SPACES.group}').resource('${SPACES.resource}').check('${verb}').allowed()`;
}

/** Every key that came, went or changed is one of ours. */
function onlyOwnKeys(now: string, before: string): string {
  const own = [...OWN_PREFIXES.map((prefix) => `key.startsWith('${prefix}')`), `key == '${NAME_LABEL}'`].join(" || ");
  const kept = `(key in variables.${before} && variables.${before}[key] == variables.${now}[key])`;
  const added = `variables.${now}.all(key, ${own} || ${kept})`;
  const removed = `variables.${before}.all(key, ${own} || key in variables.${now})`;
  return `request.operation == 'DELETE' || (${added} && ${removed})`;
}
