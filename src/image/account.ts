/** Whom the application runs as: a user of its own in the image's `/etc/passwd`, with nothing but its folders. */
import type { BaseFacts } from "./baseFacts.ts";

export interface Account {
  uid: number;
  gid: number;
  /** The files with it; undefined where the base has that user already. */
  files: { passwd: string; group: string } | undefined;
}

/** Above what distributions give away by themselves. */
const FIRST_ID = 10_001;

/** A base that has a user of that name means it for this. */
export function accountIn(
  { passwd, group }: Pick<BaseFacts, "passwd" | "group">,
  name: string,
  home: string,
): Account {
  const rows = rowsOf(passwd);
  const present = rows.find(([user]) => user === name);
  if (present !== undefined) {
    return { uid: Number(present[2]), gid: Number(present[3]), files: undefined };
  }
  const taken = new Set([...rows, ...rowsOf(group)].map(([, , id]) => Number(id)));
  let id = FIRST_ID;
  while (taken.has(id)) id += 1;
  const files = {
    passwd: `${ended(passwd)}${name}:x:${id}:${id}::${home}:/usr/sbin/nologin\n`,
    group: `${ended(group)}${name}:x:${id}:\n`,
  };
  return { uid: id, gid: id, files };
}

const rowsOf = (text: string): string[][] => text.split("\n").map((line) => line.split(":"));

const ended = (text: string): string => (text === "" || text.endsWith("\n") ? text : `${text}\n`);
