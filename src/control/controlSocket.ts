/** `run/control.sock`, by its name in `run/`: a path over about 100 bytes would be cut silently. */
import { createConnection, type Socket } from "node:net";
import { orUndefined } from "../contract/checks.ts";
import type { Layout } from "../release/layout.ts";
import { currentFolder } from "./context.ts";

/** @throws where `run/` can't be entered */
export function connectControl(layout: Layout): Socket {
  const before = currentFolder();
  try {
    process.chdir(layout.run);
    return createConnection({ path: "control.sock" });
  } finally {
    // Whoever types as root acts as the owner of the install root, who may not enter the folder in
    // which root is (/root). Paths are resolved by then, so it is as well to stay.
    if (before !== undefined) orUndefined(() => process.chdir(before));
  }
}

/** Of one that was killed the socket is left, and takes no connection. */
export function isListening(layout: Layout): Promise<boolean> {
  const socket = orUndefined(() => connectControl(layout));
  if (socket === undefined) return Promise.resolve(false);
  return new Promise((resolve) => {
    const settle = (isThere: boolean) => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once("connect", () => settle(true));
    socket.once("error", () => settle(false));
  });
}
