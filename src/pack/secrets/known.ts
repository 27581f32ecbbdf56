/**
 * Values that are known to be secret, because of the name that they have: in the environment of the
 * build, in the project's `.env` files, in an .npmrc. A build script or a bundler that replaces
 * `process.env.X` may have written one into the code.
 */
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { parseEnvFile } from "../../handler/envFile.ts";

export interface KnownSecret {
  /** Where it stands: `$STRIPE_KEY`, `STRIPE_KEY of .env`. */
  name: string;
  value: string;
}

/** What a variable is called whose value nobody may read. */
export const SECRET_NAME =
  /(?:SECRET|TOKEN|PASSW(?:OR)?D|PASSPHRASE|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|SIGNING_?KEY|ENCRYPTION_?KEY|MASTER_?KEY|CREDENTIALS?|AUTH)(?![a-z])|(?:_KEY|_PASS|_PWD|_DSN|_PAT|_AUTH)$/i;
/** They sound so, and are paths, names or public. */
export const NO_SECRET_NAME =
  /^(?:SSH_AUTH_SOCK|XAUTHORITY|GPG_AGENT_INFO)$|(?:PUBLIC|PUBLISHABLE)|_(?:FILE|PATH|DIR|DIRECTORY|URL|URI|ID|NAME|HOST|HEADER|EXPIRY|TTL)$/i;

/** Shorter ones, and those of few different characters, stand in innocent files too. */
export const MIN_LENGTH = 12;
export const MIN_BITS_A_CHARACTER = 2.5;

export function knownSecrets(folder: string | undefined, env = process.env): KnownSecret[] {
  const found: KnownSecret[] = [];
  const take = (variables: NodeJS.ProcessEnv, call: (name: string) => string) => {
    for (const [name, value] of Object.entries(variables)) {
      for (const secret of secretsIn(name, value ?? "")) {
        found.push({ name: call(name), value: secret });
      }
    }
  };
  take(env, (name) => `$${name}`);
  for (const file of folder === undefined ? [] : envFiles(folder)) {
    take(readEnv(join(folder!, file)), (name) => `${name} of ${file}`);
  }
  for (const file of [join(homedir(), ".npmrc"), ...(folder ? [join(folder, ".npmrc")] : [])]) {
    for (const value of npmTokens(file)) found.push({ name: `a token of ${file}`, value });
  }
  return found;
}

/** The value; of an address its password. */
function secretsIn(name: string, value: string): string[] {
  const password = /^[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*:([^\s@]+)@/i.exec(value)?.[1];
  const isNamed = SECRET_NAME.test(name) && !NO_SECRET_NAME.test(name);
  if (password !== undefined && (isNamed || /_UR[IL]$/i.test(name))) {
    return isUnlikelyByChance(password) ? [value, password] : [];
  }
  if (!isNamed || !isUnlikelyByChance(value)) return [];
  // A file's name is no secret, what stands in the file may be.
  return value.startsWith("/") && existsSync(value) ? [] : [value];
}

export const isUnlikelyByChance = (value: string): boolean =>
  value.length >= MIN_LENGTH && bitsACharacter(value) >= MIN_BITS_A_CHARACTER;

/** Shannon's entropy of the value's own characters. */
function bitsACharacter(value: string): number {
  const counts = new Map<string, number>();
  for (const character of value) counts.set(character, (counts.get(character) ?? 0) + 1);
  let bits = 0;
  for (const count of counts.values())
    bits -= (count / value.length) * Math.log2(count / value.length);
  return bits;
}

const envFiles = (folder: string): string[] =>
  [".env", ".env.local", ".env.production", ".env.production.local"].filter((name) =>
    existsSync(join(folder, name)),
  );

/** One that does not parse is none of this build's business: it is not packed. */
function readEnv(file: string): Record<string, string> {
  try {
    return parseEnvFile(readFileSync(file, "utf8"), file);
  } catch {
    return {};
  }
}

function npmTokens(file: string): string[] {
  if (!existsSync(file)) return [];
  const text = readFileSync(file, "utf8");
  const values = text.matchAll(/(?:_authToken|_password|_auth)\s*=\s*([^\s$]+)/g);
  return [...values].map(([, value]) => value!).filter(isUnlikelyByChance);
}
