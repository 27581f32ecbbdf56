/**
 * Sockets that whoever started us has opened already (systemd's sd_listen_fds protocol): LISTEN_FDS
 * of them, from descriptor 3 on, meant for the process LISTEN_PID.
 */
const FIRST_DESCRIPTOR = 3;

/** Their descriptors; none where they are meant for another process. */
export function passedDescriptors(env: NodeJS.ProcessEnv, pid: number): number[] {
  const count = Number(env.LISTEN_FDS ?? 0);
  if (!Number.isInteger(count) || count < 0 || count > 1024) return [];
  if (env.LISTEN_PID !== undefined && Number(env.LISTEN_PID) !== pid) return [];
  return Array.from({ length: count }, (_, index) => FIRST_DESCRIPTOR + index);
}
