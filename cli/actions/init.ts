/** `azds init`: looks at the folder, asks what it cannot know, writes what is missing and nothing else. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { AzdsError } from "../../core/errors.ts";
import type { Context } from "../context.ts";
import { detectProject, exposedPort, type ProjectFiles } from "../project/detect.ts";
import { CONFIG_FILE } from "../project/load.ts";
import { type PlannedFile, scaffold, serviceNameOf } from "../project/scaffold.ts";

export interface InitArgs {
  readonly name?: string | undefined;
  readonly port?: number | undefined;
  readonly enableIngress?: boolean | undefined;
  readonly chart?: string | undefined;
}

const DEFAULT_PORT = 80;

export async function run(args: InitArgs, context: Context): Promise<number> {
  const folder = context.host.cwd;
  const name = checkedName(args.name ?? serviceNameOf(basename(folder)));
  const files = readFiles(folder);
  const project = detectProject(files);
  if (project.language === "other" && !project.hasDockerfile) {
    context.emit({
      type: "message",
      level: "warning",
      text: "Dockerfile could not be generated: no `package.json` here; write a Dockerfile before `azds up`",
    });
  }
  if (args.chart !== undefined && !existsSync(join(folder, args.chart, "Chart.yaml"))) {
    throw new AzdsError("USAGE", `\`--chart ${args.chart}\` names no chart: there is no \`${args.chart}/Chart.yaml\``);
  }
  const port = await chosenPort(args, files, context);
  const enableIngress = await chosenIngress(args, context);
  // A chart of that name is the user's own: nothing is put between its files.
  const own = `charts/${name}`;
  const chart = args.chart ?? (existsSync(join(folder, own, "Chart.yaml")) ? own : undefined);
  const planned = scaffold({ name, port, enableIngress, chart, project });
  writeMissing(folder, planned, context);
  context.emit({
    type: "message",
    level: "info",
    text: `Service '${name}' is prepared. Type \`azds up\` to run it in your dev space.`,
  });
  return 0;
}

function checkedName(name: string): string {
  if (serviceNameOf(name) === name) return name;
  throw new AzdsError(
    "USAGE",
    `\`${name}\` cannot name a service: use lower-case letters, digits and \`-\`, beginning with a letter, at most 53 characters`,
  );
}

function readFiles(folder: string): ProjectFiles {
  const text = (path: string): string | undefined =>
    existsSync(join(folder, path)) ? readFileSync(join(folder, path), "utf8") : undefined;
  return {
    packageJson: text("package.json"),
    hasPackageLock: existsSync(join(folder, "package-lock.json")),
    dockerfile: text("Dockerfile.develop") ?? text("Dockerfile"),
  };
}

async function chosenPort(args: InitArgs, files: ProjectFiles, context: Context): Promise<number> {
  const proposal = exposedPort(files.dockerfile) ?? DEFAULT_PORT;
  if (args.port !== undefined) return checkedPort(String(args.port));
  const answer = await context.ask({
    kind: "choose",
    id: "port",
    text: `Which port does the service listen on? Plain Enter takes ${proposal}.`,
    choices: [],
    first: 1,
    prompt: "Port:",
    freeText: true,
    whenEmpty: String(proposal),
    whenUnattended: String(proposal),
  });
  return checkedPort(answer);
}

function checkedPort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new AzdsError("USAGE", `\`${text}\` is no port: use a number from 1 to 65535`);
}

async function chosenIngress(args: InitArgs, context: Context): Promise<boolean> {
  if (args.enableIngress !== undefined) return args.enableIngress;
  return context.ask({
    kind: "confirm",
    id: "ingress",
    text: "Should the service be reachable from outside the cluster?",
    whenEmpty: false,
    whenUnattended: false,
  });
}

/** `wx`: a file that appears between the look and the write is kept, too. */
function writeMissing(folder: string, planned: readonly PlannedFile[], context: Context): void {
  for (const file of planned) {
    const path = join(folder, file.path);
    mkdirSync(dirname(path), { recursive: true });
    try {
      writeFileSync(path, file.content, { flag: "wx" });
      context.emit({ type: "message", level: "info", text: `Created \`${file.path}\`` });
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
      context.emit({
        type: "message",
        level: file.path === CONFIG_FILE ? "warning" : "info",
        text: `Kept \`${file.path}\`: it exists already`,
      });
    }
  }
}
