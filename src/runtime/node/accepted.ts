/** Makes a socket of a handle that another process accepted, as `net.Server` would have made it. */
import net from "node:net";
import { defined } from "../../contract/checks.ts";
import type { RawHandle, ServerInternals, SocketInternals } from "./internals.ts";

/** Without a handle: a socket that has already ended. Nothing is read before the caller returns. */
export function acceptedSocket(
  server: ServerInternals | undefined,
  handle: RawHandle | undefined,
): SocketInternals {
  const options = (server ?? {}) as { allowHalfOpen?: boolean; pauseOnConnect?: boolean };
  const socket = new net.Socket({
    ...defined({ handle }),
    allowHalfOpen: options.allowHalfOpen ?? true,
    pauseOnCreate: options.pauseOnConnect ?? false,
    readable: true,
    writable: true,
  } as net.SocketConstructorOpts) as SocketInternals;
  if (server !== undefined) {
    server._connections += 1;
    socket.server = server;
    socket._server = server;
  }
  return socket;
}
