/** One question to a host: what it is, what it has, what runs. Changes nothing. */
import type { Layout } from "../../release/layout.ts";
import { program } from "./program.ts";

const FACTS = program("facts.sh");

export function askFacts(layout: Layout): string[] {
  const { root, name, bin, firstInstall, releases, deployLock, upgradesLog, deploysLog } = layout;
  const paths = [firstInstall, releases, deployLock, upgradesLog, deploysLog, unitPath(name)];
  const boot = [layout.deployBusy, layout.permanent, layout.startErlData];
  return ["sh", "-c", FACTS, "tsugi", root, name, bin, ...paths, ...boot];
}

export const unitPath = (name: string): string => `/etc/systemd/system/${name}.service`;
