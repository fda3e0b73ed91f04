/** From a detected project to the files `azds init` writes. Pure: nothing is read or written here. */
import { AZDS_YAML, CHART_FILES, NODE_TEMPLATES } from "../../templates/project.ts";
import type { DetectedProject } from "./detect.ts";

export interface ScaffoldRequest {
  /** Service name, a DNS label. */
  readonly name: string;
  readonly port: number;
  readonly enableIngress: boolean;
  /** Folder of a chart that exists already, relative to the project; no chart is generated then. */
  readonly chart: string | undefined;
  readonly project: DetectedProject;
}

export interface PlannedFile {
  /** Relative to the project's folder, with `/`. */
  readonly path: string;
  readonly content: string;
}

export function scaffold(request: ScaffoldRequest): readonly PlannedFile[] {
  const places = placesOf(request);
  const fill = (path: string, template: string): PlannedFile => ({ path, content: fillPlaces(template, places) });
  const language = request.project.language === "node" ? Object.entries(NODE_TEMPLATES.files) : [];
  const chart = request.chart === undefined ? Object.entries(CHART_FILES) : [];
  return [
    ...language.map(([path, template]) => fill(path, template)),
    ...chart.map(([path, template]) => fill(`charts/${request.name}/${path}`, template)),
    fill("azds.yaml", chartIn(AZDS_YAML, request.chart)),
  ];
}

function placesOf(request: ScaffoldRequest): Readonly<Record<string, string>> {
  const { project } = request;
  const node = project.language === "node";
  return {
    NAME: request.name,
    PORT: String(request.port),
    INGRESS: String(request.enableIngress),
    INSTALL: node ? project.install : "",
    INSTALL_PRODUCTION: node ? project.installProduction : "",
    COMMAND: node ? JSON.stringify(project.command) : "[]",
    DEVELOP_DOCKERFILE: node ? "Dockerfile.develop" : "Dockerfile",
    CONTAINER: node ? NODE_TEMPLATES.container.trimEnd() : "",
  };
}

function chartIn(template: string, chart: string | undefined): string {
  return chart === undefined ? template : template.replace("charts/@NAME@", chart);
}

function fillPlaces(template: string, places: Readonly<Record<string, string>>): string {
  const filled = template.replaceAll(/@(?<place>[A-Z_]+)@/g, (whole, place: string) => places[place] ?? whole);
  return `${filled.trimEnd()}\n`;
}

/** A folder's name as a service name: lower case, everything that a DNS label forbids replaced. */
export function serviceNameOf(folder: string): string {
  const label = folder
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, "-")
    .replaceAll(/^-+|-+$/g, "")
    .slice(0, 53);
  // Service names must begin with a letter (RFC 1035 label).
  return /^[a-z]/.test(label) ? label.replace(/-+$/, "") : `app-${label}`.replace(/-+$/, "");
}
