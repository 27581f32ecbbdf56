/** How a socket that is bound is asked for. One key, one kernel socket, shared by all who ask. */
export interface ListenKey {
  /** 4, 6 for TCP; "pipe" for a Unix socket; "fd". */
  family: 4 | 6 | "pipe" | "fd" | "udp4" | "udp6";
  /** As asked; null for the unspecified address. A path for "pipe". */
  address: string | null;
  /** As asked: 0 stays 0. The descriptor for "fd", -1 for "pipe". */
  port: number;
  /** Counts equal requests of one worker, so that two `listen(0)` are two sockets. */
  ordinal: number;
}

export const listenKeyText = (key: ListenKey): string =>
  `${key.family}|${key.address ?? "*"}|${key.port}|${key.ordinal}`;
