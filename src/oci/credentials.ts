/**
 * Whose registry it is: read from where `docker login` and `podman login` have put it, in the order in
 * which their own tools look. Nothing is kept, and no value is ever shown.
 */
import { execFile } from "node:child_process";
import { homedir } from "node:os";
import { join } from "node:path";
import { isRecord, recordIn } from "../contract/checks.ts";
import { readIfThere } from "../platform/files.ts";

export interface Credentials {
  user: string;
  password: string;
}

/** What such a helper answers, at most. */
const HELPER_MS = 20_000;
/** The user name that says that the password is a refresh token. */
export const IDENTITY_TOKEN = "<token>";

/** Docker Hub is asked at one address and known by another. */
const HUB = "registry-1.docker.io";
const HUB_KEY = "https://index.docker.io/v1/";

interface AuthFile {
  auths?: Record<string, { auth?: string; identitytoken?: string }>;
  credHelpers?: Record<string, string>;
  credsStore?: string;
}

/** @returns undefined where nobody has logged in */
export async function credentialsOf(
  host: string,
  repository: string,
  env = process.env,
): Promise<Credentials | undefined> {
  for (const path of authFiles(env)) {
    const text = await readIfThere(path).catch(() => undefined);
    const file: AuthFile | undefined = recordIn(text);
    if (file === undefined) continue;
    const found = (await fromHelper(file, host)) ?? fromFile(file, host, repository);
    if (found !== undefined) return found;
  }
  return undefined;
}

function authFiles(env: NodeJS.ProcessEnv): string[] {
  const { REGISTRY_AUTH_FILE, XDG_RUNTIME_DIR, DOCKER_CONFIG } = env;
  if (REGISTRY_AUTH_FILE) return [REGISTRY_AUTH_FILE];
  const home = env.HOME ?? homedir();
  return [
    ...(XDG_RUNTIME_DIR ? [join(XDG_RUNTIME_DIR, "containers", "auth.json")] : []),
    join(home, ".config", "containers", "auth.json"),
    join(DOCKER_CONFIG || join(home, ".docker"), "config.json"),
  ];
}

/** podman may have an entry for a part of the path: the longest that fits. */
function fromFile({ auths }: AuthFile, host: string, repository: string): Credentials | undefined {
  const parts = repository.split("/");
  const paths = parts.map((_, index) => `${host}/${parts.slice(0, index + 1).join("/")}`).reverse();
  const addresses = [host, `https://${host}`, `https://${host}/v1/`, `https://${host}/v2/`];
  const keys = host === HUB ? [HUB_KEY] : [...paths, ...addresses];
  const key = keys.find((name) => isRecord(auths) && isRecord(auths[name]));
  const entry = key === undefined ? undefined : auths![key]!;
  if (entry?.identitytoken) return { user: IDENTITY_TOKEN, password: entry.identitytoken };
  if (!entry?.auth) return undefined;
  const [user = "", ...rest] = Buffer.from(entry.auth, "base64").toString("utf8").split(":");
  return { user, password: rest.join(":") };
}

async function fromHelper(file: AuthFile, host: string): Promise<Credentials | undefined> {
  const key = host === HUB ? HUB_KEY : host;
  const name = file.credHelpers?.[key] ?? file.credsStore;
  if (typeof name !== "string" || !/^[\w.-]+$/.test(name)) return undefined;
  const said = await new Promise<string>((resolve) => {
    const options = { timeout: HELPER_MS };
    const helper = execFile(`docker-credential-${name}`, ["get"], options, (error, stdout) =>
      resolve(error === null ? stdout : ""),
    );
    helper.stdin?.on("error", () => {});
    helper.stdin?.end(`${key}\n`);
  });
  const answer: { Username?: string; Secret?: string } | undefined = recordIn(said);
  if (!answer?.Secret) return undefined;
  return { user: answer.Username ?? "", password: answer.Secret };
}
