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

/**
 * `owner`: who has to be the only one, beside root and us: what one has written oneself gives nobody more
 * rights. In a container the application's folders are its user's, in a root that is not.
 */
export async function exposuresIn(places: readonly Place[], owner: number): Promise<Exposure[]> {
  const groups = await readGroups();
  const us = process.getuid?.() ?? owner;
  const trusted = new Set([0, owner, us]);
  const found: Exposure[] = [];
  const look = async (path: string, levels: number): Promise<void> => {
    const info = await lstat(path).catch(() => undefined);
    // The folder that a link lies in decides who may change it; where it leads has been verified.
    if (info === undefined || info.isSymbolicLink()) return;
    const why = trusted.has(info.uid)
      ? openness(info, groups, us)
      : `it belongs to user ${info.uid}, not to ${owner}`;
    const fix = trusted.has(info.uid) ? `chmod go-w ${path}` : `chown ${owner} ${path}`;
    if (why !== undefined) found.push({ path, why, fix });
    if (levels === 0 || !info.isDirectory()) return;
    const names = await readdir(path).catch(() => []);
    await Promise.all(names.map((child) => look(join(path, child), levels - 1)));
  };
  for (const [path, levels] of places) await look(path, levels);
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}

interface Facts {
  uid: number;
  gid: number;
  mode: number;
}

function openness({ uid, gid, mode }: Facts, groups: Groups, us: number): string | undefined {
  if ((mode & 0o002) !== 0) return EVERYBODY;
  if ((mode & 0o020) === 0 || isPrivate(gid, [uid, us], groups)) return undefined;
  return `group ${gid} may write to it, and has others in it`;
}

interface Groups {
  /** User → name and main group. */
  users: { name: string; uid: number; gid: number }[];
  members: Map<number, string[]>;
}

/** Nobody is in it but these, or it is root's. */
export function isPrivate(gid: number, ours: number[], { users, members }: Groups): boolean {
  if (gid === 0) return true;
  const isOurs = (uid: number) => uid === 0 || ours.includes(uid);
  if (users.some((user) => user.gid === gid && !isOurs(user.uid))) return false;
  const named = members.get(gid);
  if (named === undefined) return ours.includes(gid); // known to no file: by custom, that user's own
  const names = new Set(users.filter(({ uid }) => ours.includes(uid)).map(({ name }) => name));
  return named.every((member) => names.has(member));
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
