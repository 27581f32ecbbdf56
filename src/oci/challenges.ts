/** What a registry asks for in its 401: one way to say who we are, or several, in one header or in one each. */
export interface Challenge {
  scheme: "basic" | "bearer";
  parameters: { realm?: string; service?: string };
}

/** A word, or a word with a value. */
const WORD = /([\w!#$%&'*+.^`|~-]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+)))?/g;

/** The token, where it is one of several that are offered. */
export function challengeIn(header: string | null): Challenge | undefined {
  const found: { scheme: string; parameters: Record<string, string> }[] = [];
  for (const [, word = "", quoted, plain] of (header ?? "").matchAll(WORD)) {
    const value = quoted?.replace(/\\(.)/g, "$1") ?? plain;
    if (value === undefined) found.push({ scheme: word.toLowerCase(), parameters: {} });
    else if (found.length > 0) found.at(-1)!.parameters[word.toLowerCase()] = value;
  }
  const of = (name: string) => found.find(({ scheme }) => scheme === name);
  return (of("bearer") ?? of("basic")) as Challenge | undefined;
}
