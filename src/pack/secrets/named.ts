/**
 * Secrets by the names that they have (`SESSION_SECRET: "…"`), whatever their form. Code has such
 * names for other things too, so that only configuration is looked at, by its name or its place.
 */
import { isUnlikelyByChance } from "./known.ts";
import { isWord, type SecretRule } from "./rules.ts";

/** Lists of packages are none. */
const NO_CONFIGURATION =
  "(?!(?:package(?:-lock)?|npm-shrinkwrap|composer|[jt]sconfig[^/]*)\\.json$)(?!pnpm-)";
/** At the root of the project or in config/; what tools and process managers read, anywhere. */
const CONFIGURATION = new RegExp(
  `^${NO_CONFIGURATION}(?:${[
    "(?:[^/]+|config/.+)\\.(?:json5?|ya?ml|toml)",
    "config/.+\\.[cm]?[jt]s",
    "(?:.+/)?[^/]+\\.config\\.[cm]?[jt]s",
    "(?:.+/)?(?:(?:ecosystem|pm2)[^/]*|process\\.json|(?:docker-)?compose[^/]*\\.ya?ml|[^/]+\\.tfvars)",
  ].join("|")})$`,
);
const YAML = /^(?!pnpm-)(?:[^/]+|config\/.+|(?:.+\/)?(?:docker-)?compose[^/]*)\.ya?ml$/;

const NAMES =
  "secret(?:_?key)?(?:_?base)?|token|passw(?:or)?d|passphrase|(?:api|access|private|signing|encryption|master|session|cookie|app|jwt|auth)_?keys?";
/** Of the environment. */
const ENVIRONMENT_NAMES = "[A-Z\\d_]*(?:SECRET|PASSWORD|PASSWD|PASSPHRASE)";

const named = (names: string) => `(?<![\\w$.])["']?[\\w.-]*(?:${names})["']?[ \\t]*`;
const IN_QUOTES = "[:=][ \\t]*[\"'`]([^\\s\"'`$<>{}]{12,})[\"'`]";
const IN_YAML = ":[ \\t]+([^\\s\"'`#,()[\\]$<>{}&*!|]{12,})[ \\t]*$";

/** A version, a path, an address, the name of a constant, what stands for the real one. */
const isNoValue = (secret: string): boolean =>
  isWord(secret) ||
  !isUnlikelyByChance(secret) ||
  /^(?:[\^~=v]?\d+(?:\.\d+)+|[./]|\w+:\/\/|[A-Z\d_]+$|process\.|env[:(.])/.test(secret) ||
  /change.?(?:me|this|it|in)|placeholder|example|dummy|replace|insert|secret.?here/i.test(secret);

interface NamedRule extends SecretRule {
  /** For people. */
  foundBy: string;
  files: RegExp;
}

const rule = (
  id: string,
  pattern: RegExp,
  foundBy: string,
  more: Partial<NamedRule>,
): NamedRule => ({
  id,
  what: "a value that is called a secret",
  starts: [],
  pattern,
  foundBy,
  files: CONFIGURATION,
  isOwnOnly: true,
  ...more,
});

const hasDigit = (secret: string): boolean => /\d/.test(secret);
const isNone = (secret: string) => isNoValue(secret) || !hasDigit(secret);

export const NAMED_RULES: readonly NamedRule[] = [
  rule("named", new RegExp(named(NAMES) + IN_QUOTES, "gi"), 'apiKey: "…"', { isNone }),
  rule("named-yaml", new RegExp(named(NAMES) + IN_YAML, "gim"), "session_secret: …", {
    isNone,
    files: YAML,
  }),
  // Of the environment also what is words alone.
  rule(
    "named-environment",
    new RegExp(named(ENVIRONMENT_NAMES) + IN_QUOTES, "g"),
    'DB_PASSWORD: "…"',
    { isNone: (secret) => isNoValue(secret) || hasDigit(secret) },
  ),
];
