/**
 * Whatever an install script can read is known to every dependency, and a configuration is code as well:
 * no variable whose name says that it is secret is in the environment of a clean build. What a package
 * manager's own configuration names stays (`${NPM_TOKEN}` in .npmrc), or a private registry would be
 * closed. An agent's socket is no secret, and git dependencies need it.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const SECRET =
  /(^|_)(KEY|PRIVATEKEY|SECRETS?|TOKEN|PASS|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|APIKEY|ACCESSKEY|AUTH|PAT)(_|$)/i;
const CONFIGURATIONS = [".npmrc", ".yarnrc.yml", ".yarnrc", "pnpm-workspace.yaml"];

export const isSecretName = (name: string): boolean =>
  SECRET.test(name) && name !== "SSH_AUTH_SOCK";

export function withoutSecrets(env: NodeJS.ProcessEnv, folder: string): NodeJS.ProcessEnv {
  const named = namesIn(folder);
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !isSecretName(name) || named.has(name)),
  );
}

function namesIn(folder: string): Set<string> {
  const texts = CONFIGURATIONS.map((name) => join(folder, name))
    .filter((path) => existsSync(path))
    .map((path) => readFileSync(path, "utf8"));
  return new Set([...texts.join("\n").matchAll(/\$\{(\w+)/g)].map(([, name]) => name!));
}

/** Nor are they in this process while the project's own code runs in it. */
export async function whileHidden<T>(names: string[], body: () => Promise<T>): Promise<T> {
  const kept = names.map((name) => [name, process.env[name]] as const);
  for (const name of names) delete process.env[name];
  try {
    return await body();
  } finally {
    for (const [name, value] of kept) if (value !== undefined) process.env[name] = value;
  }
}
