/** What somebody asks for who wants an upgrade, or something like one. */
import type { UpgradeOptions } from "../../protocol/control.ts";

export interface UpgradeRequest {
  version: string;
  options: UpgradeOptions;
  /** The same release with `etc/` read again. */
  reload?: boolean;
  /** What runs now is not to be gone back to by itself. */
  rollback?: boolean;
}

/** Only the same wish is attached to: who wants a check must not get an upgrade. */
export type Kind = "upgrade" | "install" | "check" | "reload";

export function kindOf({ options, reload }: UpgradeRequest): Kind {
  if (reload) return "reload";
  if (options.checkOnly) return "check";
  return options.installOnly ? "install" : "upgrade";
}

export const wishOf = ({ reload, version }: UpgradeRequest): string =>
  reload ? "reload" : `upgrade to ${version}`;
