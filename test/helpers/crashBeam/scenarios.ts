/** What is interrupted on a BEAM host. */
import { join } from "node:path";
import { type BeamBuilds, type BuiltBeam, otherLogger } from "../beam.ts";

export interface Scenario {
  name: string;
  /** One line for the table. */
  what: string;
  /** What is typed; the version that is gone to is appended, except for `start`. */
  verb: string[];
  options: string[];
  to: "0.0.2" | "0.0.9";
  /** Another Elixir: the VM ends, and with it what it had in memory. */
  restarts: boolean;
}

export const SCENARIOS: Scenario[] = [
  {
    name: "upgrade",
    what: "an upgrade by OTP's relup, from the tarball in the drop box to the report",
    verb: ["upgrade"],
    options: [],
    to: "0.0.2",
    restarts: false,
  },
  {
    name: "restart",
    what: "an upgrade to another Elixir, which restarts the VM (`--allow-restart`)",
    verb: ["upgrade"],
    options: ["--allow-restart"],
    to: "0.0.9",
    restarts: true,
  },
  {
    name: "start",
    what: "the first start after `tar x`",
    verb: ["start"],
    options: [],
    to: "0.0.2",
    restarts: false,
  },
];

export const OLD = "0.0.1";

/** Built once, when it is first wanted. */
export function release(builds: BeamBuilds, version: string): Promise<BuiltBeam> {
  const shop = (which: string) => builds.get(which, { fixture: `shop-${which}` });
  if (version !== "0.0.9") return shop(version);
  const known = others.get(builds) ?? shop(OLD).then((old) => other(builds, old));
  others.set(builds, known);
  return known;
}

const others = new WeakMap<BeamBuilds, Promise<BuiltBeam>>();
const other = (builds: BeamBuilds, old: BuiltBeam) =>
  otherLogger(old, join(builds.folder, "other"));
