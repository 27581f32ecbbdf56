/** One question to a host: what it is, what it has, what runs. Changes nothing. */
import type { Layout } from "../../release/layout.ts";
import { asOwner } from "./asOwner.ts";
import { program } from "./program.ts";

const FACTS = program("facts.sh");
const OWN_FACTS = program("own-facts.sh");

export function askFacts(layout: Layout): string[] {
  const { root, name, bin, firstInstall, releases, deployLock, upgradesLog, deploysLog } = layout;
  const paths = [firstInstall, releases, deployLock, upgradesLog, deploysLog, layout.deployBusy];
  const boot = [layout.permanent, layout.startErlData];
  const own = asOwner(root, OWN_FACTS, root, name, bin, ...paths, ...boot);
  return ["sh", "-c", FACTS, "tsugi", root, unitPath(name), ...own];
}

export const unitPath = (name: string): string => `/etc/systemd/system/${name}.service`;
