/** The text of `etc/env`, so that the host's parser (host/handler/envFile.ts) reads the same values. Pure. */

const HEADER = "# Written by tsugi deploy, which replaces it as a whole each time.\n";
const PLAIN = /^[A-Za-z0-9_@%+:,./-]+$/;
const ESCAPES: Record<string, string> = { "\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r" };

export function envText(variables: Record<string, string>): string {
  const lines = Object.entries(variables)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${quoted(value)}\n`);
  return HEADER + lines.join("");
}

function quoted(value: string): string {
  if (PLAIN.test(value)) return value;
  return `"${value.replace(/[\\"\n\r]/g, (character) => ESCAPES[character]!)}"`;
}
