/** What language a folder holds, from its marker files. Pure over what was read. */
import { asString, at } from "../../core/parse.ts";

/** The few files of a project's folder that detection reads; absent ones are undefined. */
export interface ProjectFiles {
  readonly packageJson: string | undefined;
  readonly hasPackageLock: boolean;
  readonly dockerfile: string | undefined;
}

export interface NodeProject {
  readonly language: "node";
  /** What the start script runs where that is `node FILE` alone, so that signals reach it; else `npm start`, or `node FILE`. */
  readonly command: readonly string[];
  readonly install: string;
  readonly installProduction: string;
}

/** A language azds has no templates for: an existing Dockerfile is used as it is. */
export interface OtherProject {
  readonly language: "other";
  readonly hasDockerfile: boolean;
}

export type DetectedProject = NodeProject | OtherProject;

export function detectProject(files: ProjectFiles): DetectedProject {
  if (files.packageJson === undefined) return { language: "other", hasDockerfile: files.dockerfile !== undefined };
  // npm ci needs the lock file; without one only npm install works.
  const install = files.hasPackageLock ? "npm ci" : "npm install";
  return {
    language: "node",
    command: nodeCommand(files.packageJson),
    install,
    installProduction: `${install} --omit=dev`,
  };
}

/** Port that an existing Dockerfile exposes first. */
export function exposedPort(dockerfile: string | undefined): number | undefined {
  const port = /^\s*EXPOSE\s+(?<port>\d+)/im.exec(dockerfile ?? "")?.groups?.["port"];
  return port === undefined ? undefined : Number(port);
}

function nodeCommand(packageJson: string): readonly string[] {
  const parsed = parsedJson(packageJson);
  const start = asString(at(parsed, "scripts", "start"))?.trim();
  if (start !== undefined && /^node [\w./-]+$/.test(start) && at(parsed, "scripts", "prestart") === undefined)
    return start.split(" ");
  if (start !== undefined) return ["npm", "start"];
  return ["node", asString(at(parsed, "main")) ?? "server.js"];
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // npm itself will name the fault when the image is built; the default command does until then.
    return undefined;
  }
}
