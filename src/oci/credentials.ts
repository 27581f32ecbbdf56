/**
 * Whose registry it is: read from where `docker login` and `podman login` have put it, in the order in
 * which their own tools look. Nothing is kept, and no value is ever shown.
 */
import { type ExecFileException, execFile } from "node:child_process";
import { homedir } from "node:os";
import { join } from "node:path";
import { isRecord, recordIn } from "../contract/checks.ts";
import { messageOf } from "../contract/errors.ts";
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

/** `problem` is for whoever is refused: a registry that lets everybody read needs no login. */
export interface Login {
  /** Undefined where nobody has logged in. */
  credentials?: Credentials;
  /** Why they could not be read, and what to do. */
  problem?: string;
}

export async function loginOf(
  host: string,
  repository: string,
  env = process.env,
  helperMs = HELPER_MS,
): Promise<Login> {
  const problems: string[] = [];
  for (const path of authFiles(env)) {
    const remark = (problem: string) => void problems.push(`${path} ${problem}`);
    const text = await readIfThere(path).catch((error) =>
      remark(`can't be read: ${messageOf(error)}`),
    );
    if (text === undefined) continue;
    const file: AuthFile | undefined = recordIn(text);
    if (file === undefined) remark("is not JSON: correct it, or move it aside and log in again");
    else {
      const helped = await fromHelper(file, host, helperMs, remark);
      const credentials = helped ?? fromFile(file, host, repository);
      if (credentials !== undefined) return { credentials };
    }
  }
  return problems.length === 0 ? {} : { problem: problems.join("; ") };
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

async function fromHelper(
  file: AuthFile,
  host: string,
  timeout: number,
  remark: (problem: string) => void,
): Promise<Credentials | undefined> {
  const key = host === HUB ? HUB_KEY : host;
  const name = file.credHelpers?.[key] ?? file.credsStore;
  if (typeof name !== "string" || !/^[\w.-]+$/.test(name)) return undefined;
  const program = `docker-credential-${name}`;
  const said = await new Promise<string>((resolve) => {
    const options = { timeout, killSignal: "SIGKILL" } as const;
    const helper = execFile(program, ["get"], options, (error, stdout) => {
      const why = error === null ? undefined : whyNot(error, stdout, timeout);
      if (why !== undefined) remark(`names ${program}, ${why}`);
      resolve(error === null ? stdout : "");
    });
    helper.stdin?.on("error", () => {});
    helper.stdin?.end(`${key}\n`);
  });
  const answer: { Username?: string; Secret?: string } | undefined = recordIn(said);
  if (!answer?.Secret) return undefined;
  return { user: answer.Username ?? "", password: answer.Secret };
}

/** What it prints is not shown: it may be the secret. @returns undefined where it knows no login, as it may */
function whyNot({ code, killed }: ExecFileException, stdout: string, ms: number) {
  if (killed) return `which has not answered for ${ms / 1000} s: does it wait to be unlocked?`;
  if (code === "ENOENT") return "which is not on the PATH: install it, or take it out of that file";
  if (typeof code === "string") return `which can't be run: ${code}`;
  return /not found/.test(stdout) ? undefined : `which failed with ${code}: try it by itself`;
}
