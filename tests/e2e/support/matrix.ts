/** What a service may meet: kinds of images, users, root file systems, Pod Security levels. Each combination as a project. */
import { appendFileSync, cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RESTRICTED } from "./chain.ts";
import { type CommandResult, type Developer, scratchFolder } from "./cluster.ts";

const SOURCES = join(import.meta.dir, "../../projects/matrix");

export const IMAGES = ["glibc", "musl", "no-shell"] as const;
export const USERS = [0, 1000] as const;
export const ROOTS = ["writable", "read-only"] as const;
export const LEVELS = ["privileged", "baseline", "restricted"] as const;

export interface Combination {
  readonly image: (typeof IMAGES)[number];
  readonly user: (typeof USERS)[number];
  readonly root: (typeof ROOTS)[number];
  readonly level: (typeof LEVELS)[number];
}

/** All 36. */
export const COMBINATIONS: readonly Combination[] = IMAGES.flatMap((image) =>
  USERS.flatMap((user) => ROOTS.flatMap((root) => LEVELS.map((level) => ({ image, user, root, level })))),
);

/** Each value of each axis, and the hardest together: no shell, no rights, nothing to write to. */
export const SELECTION: readonly Combination[] = [
  { image: "glibc", user: 0, root: "writable", level: "privileged" },
  { image: "glibc", user: 1000, root: "writable", level: "privileged" },
  { image: "musl", user: 0, root: "read-only", level: "privileged" },
  { image: "no-shell", user: 1000, root: "read-only", level: "privileged" },
  { image: "musl", user: 1000, root: "writable", level: "baseline" },
  { image: "no-shell", user: 1000, root: "read-only", level: "restricted" },
];

export function nameOf({ image, user, root, level }: Combination): string {
  return `${image}, user ${user}, ${root} root, ${level}`;
}

/** Every folder of the images is root's, so that all others, and all with a read-only root, need the volume. */
export function needsVolume({ user, root }: Combination): boolean {
  return user !== 0 || root === "read-only";
}

/** At *restricted* nothing may run as root. */
export function isAdmitted({ user, level }: Combination): boolean {
  return level !== "restricted" || user !== 0;
}

export interface MatrixProject {
  /** Also of the release and the Service. */
  readonly name: string;
  readonly folder: string;
  readonly write: (path: string, text: string) => void;
  readonly azds: (args: readonly string[]) => Promise<CommandResult>;
}

export interface MatrixPlan {
  readonly name: string;
  /** Target of the Dockerfile. */
  readonly image: string;
  readonly user: number;
  /** Over the fields of the container. */
  readonly container?: object;
  /** Over the fields of the pod's `spec`. */
  readonly pod?: object;
  /** Further values of the chart. */
  readonly values?: object;
  /** Over `configurations.develop.container` of azds.yaml. */
  readonly develop?: object;
  /** Further lines of the Dockerfile: another target. */
  readonly dockerfile?: string;
}

/** A project of tests/projects/matrix in a folder of its own; JSON is YAML. */
export function matrixProject(developer: Developer, plan: MatrixPlan): MatrixProject {
  const folder = scratchFolder(plan.name);
  cpSync(SOURCES, folder, { recursive: true });
  const write: MatrixProject["write"] = (path, text) => {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  // The service is called as its chart.
  write("chart/Chart.yaml", JSON.stringify({ apiVersion: "v2", name: plan.name, version: "0.1.0" }));
  if (plan.dockerfile !== undefined) appendFileSync(join(folder, "Dockerfile"), plan.dockerfile);
  write("azds.yaml", JSON.stringify(azdsYaml(plan), undefined, 2));
  return { name: plan.name, folder, write, azds: async (args) => developer.azds(args, { cwd: folder }) };
}

function azdsYaml({ name, image, user, container = {}, pod = {}, values = {}, develop = {} }: MatrixPlan): object {
  return {
    kind: "helm-release",
    apiVersion: "1.1",
    build: { context: ".", dockerfile: "Dockerfile", target: image, args: { USER: String(user) } },
    install: { chart: "chart", set: { image: { repository: name, tag: "$(tag)" }, container, pod, ...values } },
    configurations: {
      develop: {
        container: {
          sync: ["public/**"],
          iterate: {
            dependencies: [
              { files: ["failing.txt"], command: ["server", "check"] },
              { files: ["shell.txt"], command: ["sh", "-c", "exit 4"] },
            ],
          },
          ...develop,
        },
      },
    },
  };
}

export function projectOf(developer: Developer, combination: Combination): MatrixProject {
  const { image, user, root, level } = combination;
  const securityContext = {
    ...(level === "restricted" ? RESTRICTED.securityContext : {}),
    ...(root === "read-only" ? { readOnlyRootFilesystem: true } : {}),
  };
  const container = Object.keys(securityContext).length === 0 ? {} : { securityContext };
  return matrixProject(developer, { name: `mx-${image}-${user}-${root}-${level}`, image, user, container });
}
