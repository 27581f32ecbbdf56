/**
 * The contract of `bin/<app>` (docs/reference/commands.md): one suite, which each kind of release has to pass. What
 * is different on purpose is in `kinds.ts`, and nowhere else:
 *
 *   strategy        handoff (a new process) · swap (the same one)
 *   rpc, console    JavaScript · Elixir or Erlang
 *   version --json  "node" · "otp": what the command runs on
 *   plan --json     instructions are objects · texts, the relup's own terms
 *   inventory       "hash" and --manifests, from which deltas are made, are a Node host's
 *   metrics         event loops, connections and the supervisor of Node · schedulers of the VM
 *   log             tsugi adds time, version and pid to a line · the VM's own lines
 */
import { after, describe } from "node:test";
import { asking } from "./asking.ts";
import { changes } from "./changes.ts";
import type { Kind } from "./kinds.ts";
import { life } from "./life.ts";
import { metrics } from "./metrics.ts";
import { releases } from "./releases.ts";
import { watching } from "./watch.ts";

export function binAppContract(kind: Kind): void {
  after(() => kind.dispose());
  describe(`bin/<app> of a ${kind.name} release`, { skip: kind.skip }, () => {
    asking(kind);
    life(kind);
    releases(kind);
    changes(kind);
    metrics(kind);
    watching(kind);
  });
}
