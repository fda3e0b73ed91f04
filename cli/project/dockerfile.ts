/** What a Dockerfile says of itself, read without building it. Pure. */

const ARG = /^\s*ARG\s+(?<name>\w+)(?:=(?<value>\S+))?/i;
/** `FROM IMAGE`, `COPY --from=IMAGE`, `RUN --mount=…,from=IMAGE`, `# syntax=IMAGE`. */
const IMAGES = [
  /^\s*FROM\s+(?:--\S+\s+)*(?<image>\S+)/i,
  /^\s*(?:COPY|ADD)\s.*?--from=(?<image>\S+)/i,
  /^\s*RUN\s.*?--mount=\S*?\bfrom=(?<image>[^,\s]+)/i,
  /^#\s*syntax\s*=\s*(?<image>\S+)/i,
];
const STAGE = /^\s*FROM\s+.*\sAS\s+(?<stage>\S+)/i;

/**
 * Registries of the images that the build starts from or copies of, `docker.io` for names without one.
 * @param args of the build; they win over the defaults that the file gives
 */
export function imageRegistries(text: string, args: Readonly<Record<string, string>>): readonly string[] {
  const values: Record<string, string> = {};
  const stages = new Set(["scratch"]);
  const registries = new Set<string>();
  for (const line of text.split(/\r?\n/)) {
    const arg = ARG.exec(line)?.groups;
    if (arg !== undefined) values[arg["name"] ?? ""] = unquoted(arg["value"] ?? "");
    for (const pattern of IMAGES) {
      const image = expanded(pattern.exec(line)?.groups?.["image"] ?? "", { ...values, ...args });
      if (image !== "" && !stages.has(image.toLowerCase()) && !/^\d+$/.test(image)) registries.add(registryOf(image));
    }
    const stage = STAGE.exec(line)?.groups?.["stage"];
    if (stage !== undefined) stages.add(stage.toLowerCase());
  }
  return [...registries];
}

function unquoted(text: string): string {
  return text.replace(/^(["'])(.*)\1$/, "$2");
}

function expanded(text: string, values: Readonly<Record<string, string>>): string {
  return unquoted(text).replace(
    /\$\{?(?<name>\w+)(?::-(?<fallback>[^}]*))?\}?/g,
    (_match, name: string, fallback: string | undefined) => values[name] ?? fallback ?? "",
  );
}

/** The first component is a registry when it looks like a host (reference grammar of the distribution project). */
function registryOf(image: string): string {
  const [first = "", ...rest] = image.split("/");
  return rest.length > 0 && (/[.:]/.test(first) || first === "localhost") ? first : "docker.io";
}
