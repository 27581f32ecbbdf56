/** What every command has: where the root is, how to write there, and how to speak. */

import { resolve } from "node:path";
import { orUndefined } from "../contract/checks.ts";
import type { ReleaseHandler } from "../handler/index.ts";
import { type Layout, layoutOf } from "../release/layout.ts";

export interface Context {
  layout: Layout;
  /** Of this control program. */
  tsugiVersion: string;
  /** Loaded when needed: `ping` never does. */
  handler(): Promise<ReleaseHandler>;
  /** A path as the user typed it, taken from where the user is. */
  resolvePath(path: string): string;
}

export function createContext(root: string, name: string, tsugiVersion: string): Context {
  const layout = layoutOf(root, name);
  const cwd = currentFolder() ?? root;
  return {
    layout,
    tsugiVersion,
    resolvePath: (path) => resolve(cwd, path),
    handler: async () => {
      const { createReleaseHandler } = await import("../handler/index.ts");
      return createReleaseHandler(layout);
    },
  };
}

/** Undefined when the folder is gone, or may not be seen by the owner of the root. */
export const currentFolder = (): string | undefined => orUndefined(() => process.cwd());
