/** Build arguments that look like secrets appear in steps' names and error texts; nobody needs to read them there. */
const SECRET_NAME = /token|secret|passw|credential|private|api_?key|_auth/i;
/** Shorter values would blank out ordinary text. */
const SECRET_CHARS_MIN = 4;

/** Replaces the values of arguments with telling names. */
export function createRedactor(args: Readonly<Record<string, string>>): (text: string) => string {
  const secrets = Object.entries(args)
    .filter(([name, value]) => SECRET_NAME.test(name) && value.length >= SECRET_CHARS_MIN)
    .map(([, value]) => value)
    .toSorted((a, b) => b.length - a.length);
  return (text) => secrets.reduce((clean, secret) => clean.replaceAll(secret, "***"), text);
}
