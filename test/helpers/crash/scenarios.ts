/** What is interrupted: each way from one version to another, there and back. */
import { KINDS, type ReleaseKey } from "./releases.ts";

export interface Scenario {
  name: string;
  /** One line for the table. */
  what: string;
  from: ReleaseKey;
  /** The version that is gone to. */
  to: ReleaseKey;
  /** `to` comes out of the drop box; otherwise it is unpacked before. */
  unpacks?: true;
  /** Merely unpacked, and pruned after the commit. */
  pruned?: ReleaseKey;
  /** What is typed; `to`'s version is appended, except for `start`. */
  verb: string[];
  /** Where an undisturbed run ends. */
  end: "old" | "new";
  /** The upgrade that must succeed afterwards, from wherever it ended. */
  next: ReleaseKey;
}

export const SCENARIOS: Scenario[] = [
  {
    name: "handoff",
    what: "an upgrade by handoff, from the tarball in the drop box to the pruning of an old release",
    from: "old",
    to: "new",
    unpacks: true,
    pruned: "ancient",
    verb: ["upgrade"],
    end: "new",
    next: "new",
  },
  {
    name: "swap",
    what: "an upgrade by swap in place",
    from: "oldAccepts",
    to: "newAccepts",
    verb: ["upgrade"],
    end: "new",
    next: "newAccepts",
  },
  {
    name: "alone",
    what: "an upgrade by handoff of an app with a process that must not run twice",
    from: "oldAlone",
    to: "newAlone",
    verb: ["upgrade"],
    end: "new",
    next: "newAlone",
  },
  {
    name: "replace",
    what: "an upgrade to another Node: the supervisor is replaced",
    from: "old",
    to: "otherNode",
    verb: ["upgrade"],
    end: "new",
    next: "otherNode",
  },
  {
    name: "refuse",
    what: "an upgrade to a version that does not load: refused",
    from: "old",
    to: "unloadable",
    verb: ["upgrade"],
    end: "old",
    next: "new",
  },
  {
    name: "thaw",
    what: "an upgrade whose migration fails on the live state: thawed",
    from: "old",
    to: "unmigratable",
    verb: ["upgrade", "--rehearse", "skip"],
    end: "old",
    next: "new",
  },
  {
    name: "hand-back",
    what: "an upgrade that fails its probation: handed back",
    from: "old",
    to: "unhealthy",
    verb: ["upgrade"],
    end: "old",
    next: "new",
  },
  {
    name: "start",
    what: "the first start after `tar x`",
    from: "old",
    to: "old",
    verb: ["start"],
    end: "old",
    next: "new",
  },
];

export const versionOf = (key: ReleaseKey): string => KINDS[key].version;

export const scenarioNamed = (name: string): Scenario => {
  const found = SCENARIOS.find((scenario) => scenario.name === name);
  if (found) return found;
  const names = SCENARIOS.map((scenario) => scenario.name).join(", ");
  throw new Error(`no scenario ${name}; there are: ${names}`);
};
