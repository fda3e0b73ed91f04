/** The templates of `azds init`, by the path they get. `@NAME@`-like places are filled by cli/project/scaffold.ts. */
import azdsYaml from "./azds.yaml.tmpl" with { type: "text" };
import chartYaml from "./chart/Chart.yaml.tmpl" with { type: "text" };
import helmignore from "./chart/helmignore.tmpl" with { type: "text" };
import helpers from "./chart/templates/_helpers.tpl.tmpl" with { type: "text" };
import deployment from "./chart/templates/deployment.yaml.tmpl" with { type: "text" };
import ingress from "./chart/templates/ingress.yaml.tmpl" with { type: "text" };
import notes from "./chart/templates/NOTES.txt.tmpl" with { type: "text" };
import secrets from "./chart/templates/secrets.yaml.tmpl" with { type: "text" };
import service from "./chart/templates/service.yaml.tmpl" with { type: "text" };
import values from "./chart/values.yaml.tmpl" with { type: "text" };
import nodeContainer from "./node/container.yaml.tmpl" with { type: "text" };
import nodeDockerfile from "./node/Dockerfile.tmpl" with { type: "text" };
import nodeDevelopDockerfile from "./node/Dockerfile.develop.tmpl" with { type: "text" };
import nodeDockerignore from "./node/dockerignore.tmpl" with { type: "text" };

export const AZDS_YAML: string = azdsYaml;

/** Relative to `charts/<name>/`. */
export const CHART_FILES: Readonly<Record<string, string>> = {
  "Chart.yaml": chartYaml,
  ".helmignore": helmignore,
  "values.yaml": values,
  "templates/_helpers.tpl": helpers,
  "templates/deployment.yaml": deployment,
  "templates/ingress.yaml": ingress,
  "templates/NOTES.txt": notes,
  "templates/secrets.yaml": secrets,
  "templates/service.yaml": service,
};

export interface LanguageTemplates {
  /** Relative to the project's folder. */
  readonly files: Readonly<Record<string, string>>;
  /** Lines of `configurations.develop` in azds.yaml. */
  readonly container: string;
}

export const NODE_TEMPLATES: LanguageTemplates = {
  files: { Dockerfile: nodeDockerfile, "Dockerfile.develop": nodeDevelopDockerfile, ".dockerignore": nodeDockerignore },
  container: nodeContainer,
};
