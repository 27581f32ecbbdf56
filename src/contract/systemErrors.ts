/** What an operating system refuses, by its own names for it, and what shows why. */

/** `at`: a path on the disk in question. */
type Remedy = (at: string) => string;

const room: Remedy = (at) => `Make room: df -h ${at} · df -i ${at}`;
const files: Remedy = () => "More open files: ulimit -n";

/** No bug of ours: no owner and no mode makes a difference. */
const BY_MACHINE: Record<string, Remedy> = {
  ENOSPC: room,
  EDQUOT: room,
  EROFS: (at) => `Its disk can only be read: findmnt -T ${at} · why it does: dmesg | tail`,
  EIO: () => "The disk fails: dmesg | tail",
  ENOMEM: () => "More memory: free -m",
  EMFILE: files,
  ENFILE: files,
  EAGAIN: () => "More processes: ulimit -u",
};

const owner: Remedy = (at) =>
  `Whose it is, and its mode: ls -ld ${at} · the root has to belong to who runs it`;

const BY_OWNER: Record<string, Remedy> = { EACCES: owner, EPERM: owner };

export const REFUSED_BY_MACHINE = Object.keys(BY_MACHINE);

/** Undefined: nothing of the system's. */
export function remedyOf(code: string | undefined, at: string): string | undefined {
  return { ...BY_MACHINE, ...BY_OWNER }[code ?? ""]?.(at);
}
