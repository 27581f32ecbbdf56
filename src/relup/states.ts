/** The way of a state from the version that one release has to the version that another wants. */

export interface VersionedState {
  name: string;
  version: number;
  upgradesFrom: number[];
  downgradesFrom: number[];
  dynamic?: boolean;
}

export type StatePath =
  | { kind: "same" }
  /** Versions that a step starts from, in order: `upgrade` steps are the receiver's code, `downgrade` steps the sender's. */
  | { kind: "upgrade" | "downgrade"; steps: number[] }
  | { kind: "missing"; step: number };

/**
 * Steps go one version at a time. Both directions are code of the release that has the higher
 * version: the lower one was written before it.
 */
export function statePath(sender: VersionedState, receiver: VersionedState): StatePath {
  if (sender.version === receiver.version) return { kind: "same" };
  const kind = sender.version < receiver.version ? "upgrade" : "downgrade";
  const known = kind === "upgrade" ? receiver.upgradesFrom : sender.downgradesFrom;
  const direction = kind === "upgrade" ? 1 : -1;
  const steps: number[] = [];
  for (let at = sender.version; at !== receiver.version; at += direction) {
    if (!known.includes(at)) return { kind: "missing", step: at };
    steps.push(at);
  }
  return { kind, steps };
}
