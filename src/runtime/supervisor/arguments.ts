/**
 * The arguments of a process, and of node, as a shell would fill them in from its environment: `$PORT`, `${PORT}`,
 * `${PORT:-3000}`. One that comes to nothing is left out, and so is the option that it belongs to.
 */
const VARIABLE = /\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?::?-([^}]*))?\})/g;

export function filledIn(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): string[] {
  const filled: string[] = [];
  for (const arg of args) {
    let isMissing = false;
    const text = arg.replace(VARIABLE, (_, plain, braced, other) => {
      const value = env[plain ?? braced] || other;
      isMissing ||= value === undefined;
      return value ?? "";
    });
    if (!isMissing) filled.push(text);
    else if (!arg.startsWith("-") && filled.at(-1)?.startsWith("-")) filled.pop();
  }
  return filled;
}
