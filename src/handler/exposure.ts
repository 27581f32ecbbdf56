/**
 * Who else may change what runs here. Whoever may write to a folder of the root has the rights of its
 * owner, signatures or not: they put another `permanent`, or another file of the application, there. bin/<app>
 * looks at what it runs itself (stepDown.sh, by the same rules); this is the rest of the root.
 */
import { existsSync } from "node:fs";
import { lstat, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Layout } from "../release/layout.ts";

export interface Exposure {
  path: string;
  why: string;
  /** To type. */
  fix: string;
}

export const EVERYBODY = "everybody may write to it";

/** How deep is looked: what lies further down was in the tarball, with its mode. */
const PLACES: readonly [folder: string, levels: number][] = [
  ["bin", 1],
  ["lib", 1],
  ["runtime", 3],
  ["releases", 2],
  ["etc", 1],
];

export async function findExposures({ root }: Layout): Promise<Exposure[]> {
  // One that is yet to be made (tsugi run's) holds nothing.
  if (!existsSync(root)) return [];
  const { uid } = await lstat(root);
  const below = PLACES.map(([folder, levels]): Place => [join(root, folder), levels]);
  return exposuresIn([[root, 0], ...below], uid);
}

export type Place = readonly [path: string, levels: number];

/** `owner`: who has to be the only one, beside root. */
export async function exposuresIn(places: readonly Place[], owner: number): Promise<Exposure[]> {
  const groups = await readGroups();
  const found: Exposure[] = [];
  const look = async (path: string, levels: number): Promise<void> => {
    const info = await lstat(path).catch(() => undefined);
    // The folder that a link lies in decides who may change it; where it leads has been verified.
    if (info === undefined || info.isSymbolicLink()) return;
    const why = problem(info, owner, groups);
    if (why !== undefined) found.push({ path, why, fix: fixOf(path, info.uid, owner) });
    if (levels === 0 || !info.isDirectory()) return;
    const names = await readdir(path).catch(() => []);
    await Promise.all(names.map((child) => look(join(path, child), levels - 1)));
  };
  for (const [path, levels] of places) await look(path, levels);
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

const fixOf = (path: string, has: number, owner: number): string =>
  has === 0 || has === owner ? `chmod go-w ${path}` : `chown ${owner} ${path}`;

interface Facts {
  uid: number;
  gid: number;
  mode: number;
}

function problem({ uid, gid, mode }: Facts, owner: number, groups: Groups): string | undefined {
  if (uid !== 0 && uid !== owner) return `it belongs to user ${uid}, not to ${owner}`;
  if ((mode & 0o002) !== 0) return EVERYBODY;
  if ((mode & 0o020) === 0 || isPrivate(gid, uid, groups)) return undefined;
  return `group ${gid} may write to it, and has others in it`;
}

interface Groups {
  /** User → name and main group. */
  users: { name: string; uid: number; gid: number }[];
  members: Map<number, string[]>;
}

/** Nobody is in it but its user, or it is root's. */
export function isPrivate(gid: number, uid: number, { users, members }: Groups): boolean {
  if (gid === 0) return true;
  const name = users.find((user) => user.uid === uid)?.name;
  const named = members.get(gid);
  if (users.some((user) => user.gid === gid && user.uid !== uid && user.uid !== 0)) return false;
  if (named === undefined) return gid === uid; // known to no file: by custom, that user's own
  return named.every((member) => member === name);
}

async function readGroups(): Promise<Groups> {
  const rows = async (file: string) => {
    const text = await readFile(file, "utf8").catch(() => "");
    return text.split("\n").map((line) => line.split(":"));
  };
  const [passwd, group] = await Promise.all([rows("/etc/passwd"), rows("/etc/group")]);
  return {
    users: passwd
      .filter((row) => row.length > 3)
      .map(([name = "", , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) })),
    members: new Map(
      group
        .filter((row) => row.length > 3)
        .map(([, , gid, list = ""]) => [Number(gid), list.split(",").filter(Boolean)] as const),
    ),
  };
}
