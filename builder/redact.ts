/** Secrets, and build arguments that look like some, appear in steps' names, output and errors; nobody needs them there. */
const SECRET_NAME = /token|secret|passw|credential|private|api_?key|_auth/i;
/** Shorter values would blank out ordinary text. */
const SECRET_CHARS_MIN = 4;
/** The same for single lines of a secret, among them ordinary ones such as `registry=…`. */
const SECRET_LINE_CHARS_MIN = 8;

/** Replaces the values of arguments with telling names, and everything that a secret holds. */
export function createRedactor(
  args: Readonly<Record<string, string>>,
  contents: Iterable<Uint8Array> = [],
): (text: string) => string {
  const telling = Object.entries(args)
    .filter(([name, value]) => SECRET_NAME.test(name) && value.length >= SECRET_CHARS_MIN)
    .map(([, value]) => value);
  const secrets = [...telling, ...[...contents].flatMap(partsOf)].toSorted((a, b) => b.length - a.length);
  return (text) => secrets.reduce((clean, secret) => clean.replaceAll(secret, "***"), text);
}

/** The whole, its lines, and in each line what follows `=`, as files of settings have it. */
function partsOf(content: Uint8Array): readonly string[] {
  const text = new TextDecoder().decode(content).trim();
  const lines = text.split(/\r?\n/).flatMap((line) => [line.trim(), line.slice(line.indexOf("=") + 1).trim()]);
  return [
    ...(text.length >= SECRET_CHARS_MIN ? [text] : []),
    ...new Set(lines.filter((line) => line.length >= SECRET_LINE_CHARS_MIN)),
  ];
}
