/**
 * A commit of a repository as files, by git's own client: its keys and credential helpers apply.
 * What a user's git configuration would change about the bytes (line ends, hooks) is turned off.
 */
import { existsSync, lstatSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { messageOf, TsugiError } from "../../contract/errors.ts";
import { type CommandResult, runCommand, type Surroundings, tail } from "../../pack/commands.ts";
import type { BuildLog } from "../../pack/log.ts";

export interface Checkout {
  commit: string;
  /** When it was committed: seconds since 1970. */
  committedAtSeconds: string;
}

/** What a hook of another repository has set (tsugi in a post-receive hook) is not for this one. */
const OF_ANOTHER =
  /^GIT_(DIR|WORK_TREE|INDEX_FILE|PREFIX|OBJECT_DIRECTORY|COMMON_DIR|NAMESPACE|ALTERNATE_OBJECT_DIRECTORIES|QUARANTINE_PATH)$/;

const SAME_BYTES = [
  "core.autocrlf=false",
  "core.eol=lf",
  "core.symlinks=true",
  "core.hooksPath=/dev/null",
  "advice.detachedHead=false",
].flatMap((setting) => ["-c", setting]);

/** @throws TSUGI_CLONE_FAILED, TSUGI_REF_UNKNOWN, TSUGI_LFS_MISSING */
export async function checkOut(
  { git: source, ref }: { git: string; ref?: string },
  folder: string,
  { env, running }: Surroundings,
  log: BuildLog,
): Promise<Checkout> {
  const from = withoutCredentials(source);
  const place = existsSync(source) ? resolve(source) : source;
  const gitEnv: NodeJS.ProcessEnv = { GIT_TERMINAL_PROMPT: "0", ...env };
  for (const name of Object.keys(gitEnv)) if (OF_ANOTHER.test(name)) delete gitEnv[name];
  const git = (cwd: string, ...args: string[]): Promise<CommandResult> =>
    runCommand("git", [...SAME_BYTES, ...args], cwd, {}, { env: gitEnv, running }).catch(
      (error: unknown) => ({ code: 127, stdout: "", stderr: messageOf(error) }),
    );
  const must = async (...args: Parameters<typeof git>): Promise<string> => {
    const { code, stdout, stderr } = await git(...args);
    if (code === 0) return stdout.trim();
    const problem = withoutCredentials(tail(stderr, 6));
    throw new TsugiError("TSUGI_CLONE_FAILED", { from, problem });
  };

  log.step(`git clone ${from}`);
  await must("/", "clone", "--quiet", "--no-checkout", "--", place, folder);
  const inClone = (...args: string[]) => git(folder, ...args);
  const commit = await findCommit(ref, inClone);
  if (commit === undefined) {
    throw new TsugiError("TSUGI_REF_UNKNOWN", { from, ref: ref ?? "HEAD" });
  }
  await must(folder, "checkout", "--quiet", "--detach", commit);
  if (existsSync(join(folder, ".gitmodules"))) {
    log.step("git submodule update");
    await must(folder, "submodule", "--quiet", "update", "--init", "--recursive");
  }
  await refuseLfsPointers(folder, inClone);
  const committedAtSeconds = await must(folder, "show", "--no-patch", "--format=%ct", commit);
  log.guess("commit", commit.slice(0, 12), ref ?? "the branch that a clone begins with");
  if (place.startsWith("/")) await sayWhatIsLeftOut(place, git, log);
  return { commit, committedAtSeconds };
}

type Git = (...args: string[]) => Promise<CommandResult>;

/** A tag, a branch, or a commit, also one that no branch leads to. */
async function findCommit(ref: string | undefined, git: Git): Promise<string | undefined> {
  const parse = async (name: string) => {
    const args = ["rev-parse", "--quiet", "--verify", "--end-of-options", `${name}^{commit}`];
    const { code, stdout } = await git(...args);
    return code === 0 ? stdout.trim() : undefined;
  };
  if (ref === undefined) return parse("HEAD");
  const plain = ref.replace(/^refs\/(tags|heads)\//, "");
  for (const name of [`refs/tags/${plain}`, `refs/remotes/origin/${plain}`]) {
    const found = await parse(name);
    if (found !== undefined) return found;
  }
  if (/^[0-9a-f]{4,64}$/.test(ref)) {
    const found = await parse(ref);
    if (found !== undefined) return found;
  }
  // Such as refs/pull/12/head, or a commit that was pushed over.
  const { code } = await git("fetch", "--quiet", "--", "origin", ref);
  return code === 0 ? parse("FETCH_HEAD") : undefined;
}

/** Without git-lfs on this machine git writes a file's pointer in its place, and says nothing. */
async function refuseLfsPointers(folder: string, git: Git): Promise<void> {
  const { code, stdout } = await git("ls-files", "-z", "--", ":(attr:filter=lfs)");
  const files = code === 0 ? stdout.split("\0").filter((path) => path !== "") : [];
  const pointers = files.filter((path) => isPointer(join(folder, path)));
  if (pointers.length === 0) return;
  throw new TsugiError("TSUGI_LFS_MISSING", { file: pointers[0]!, count: pointers.length });
}

function isPointer(file: string): boolean {
  if (!lstatSync(file, { throwIfNoEntry: false })?.isFile()) return false;
  const text = readFileSync(file).subarray(0, 64).toString("latin1");
  return text.startsWith("version https://git-lfs.github.com/spec/");
}

async function sayWhatIsLeftOut(
  place: string,
  git: (cwd: string, ...args: string[]) => Promise<CommandResult>,
  log: BuildLog,
): Promise<void> {
  const { code, stdout } = await git(place, "status", "--porcelain");
  if (code !== 0 || stdout.trim() === "") return;
  log.note(`What is not committed in ${place} is not in this release.`);
}

/** `https://user:token@host/…` → `https://host/…`; the user of ssh://git@host stays. */
const withoutCredentials = (text: string): string =>
  text
    .replace(/(\bhttps?:\/\/)[^/\s@]*@/gi, "$1")
    .replace(/(\b[a-z][a-z0-9+.-]*:\/\/[^/\s@:]*):[^/\s@]*@/gi, "$1@");
