/** The ways to a host. To add one is to add a row: whose hosts they are, and how one is opened. */
import { LocalTransport } from "./local.ts";
import { type SshTarget, SshTransport } from "./ssh.ts";
import type { Transport } from "./transport.ts";

export interface Target extends SshTarget {
  /** This very machine. */
  local?: boolean;
}

interface Way {
  leadsTo(target: Target): boolean;
  open(target: Target): Transport;
}

/** The first that leads there is taken. */
const WAYS = {
  local: {
    leadsTo: ({ local }) => local === true,
    open: ({ host }) => new LocalTransport(host),
  },
  ssh: {
    leadsTo: () => true,
    open: (target) => new SshTransport(target),
  },
} satisfies Record<string, Way>;

export const openTransport = (target: Target): Transport =>
  Object.values<Way>(WAYS)
    .find((way) => way.leadsTo(target))!
    .open(target);
