/** The TCP ports that processes listen on, as Linux has them: whatever they say themselves. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

const LISTENS = "0A";

export function listeningPorts(pids: readonly number[]): number[] {
  const found = pids.flatMap((pid) => {
    const sockets = new Set(socketsOf(pid));
    return ["tcp", "tcp6"].flatMap((kind) =>
      rowsOf(pid, kind)
        .filter(({ state, inode }) => state === LISTENS && sockets.has(inode))
        .map(({ port }) => port),
    );
  });
  return [...new Set(found)].sort((a, b) => a - b);
}

/** Inodes. One that has ended meanwhile has none. */
function socketsOf(pid: number): string[] {
  const links = orNone(() => readdirSync(`/proc/${pid}/fd`)).map((fd) =>
    orNone(() => [readlinkSync(`/proc/${pid}/fd/${fd}`)]),
  );
  return links.flat().flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []);
}

/** `sl local_address rem_address st … inode`, the port in hexadecimal behind the address. */
function rowsOf(pid: number, kind: string): { state: string; inode: string; port: number }[] {
  const lines = orNone(() => readFileSync(`/proc/${pid}/net/${kind}`, "utf8").split("\n").slice(1));
  return lines.flatMap((line) => {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
    if (local === undefined || state === undefined || inode === undefined) return [];
    return [{ state, inode, port: Number.parseInt(local.split(":")[1] ?? "", 16) }];
  });
}

function orNone<T>(read: () => T[]): T[] {
  try {
    return read();
  } catch {
    return [];
  }
}
