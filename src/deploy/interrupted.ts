/** What Ctrl-C leaves: said by what a host was at, because each goes on with that by itself. */
import { TsugiError } from "../contract/errors.ts";
import type { StepName } from "./events.ts";
import type { Host } from "./host.ts";
import { namesText } from "./told.ts";

const UNCHANGED = "nothing was changed there";
const LEFT: Record<StepName, string> = {
  facts: UNCHANGED,
  lock: UNCHANGED,
  send: "the new version lies there if all of it had arrived, else nothing of it; what runs there is not touched",
  unpack: "it unpacks the new version; what runs there is not touched",
  environment: "a new etc/env may lie beside the one in force, which was not touched",
  check: "the check goes on there and ends by itself; what runs is not touched",
  unit: "the systemd unit may be written already",
  start: "it is started there if that had begun",
  upgrade: "the upgrade goes on there if it had begun, to its end or back",
  reload: "the reload goes on there if it had begun, to its end or back",
  health: "the new version runs there; whether it is healthy was not waited for",
  verify: "the new version runs there",
  rollback: "it goes back there by itself",
  account: "the new version runs there; the account of it may be missing",
};

const STAYS = "the new version runs there; it is not taken back";

/** `stays`: what would have been taken back, had a host failed. */
export function interruptedError(
  hosts: Host[],
  environment: string,
  stays: readonly string[] = [],
): TsugiError {
  const left = new Map<string, string[]>();
  for (const { name, cutOff } of hosts) {
    const text = cutOff === undefined ? stays.includes(name) && STAYS : LEFT[cutOff];
    if (text) left.set(text, [...(left.get(text) ?? []), name]);
  }
  const lines = [...left].map(([text, names]) => `\n    ${namesText(names)}: ${text}`);
  const whole = ["Each host has one whole version.", ...lines].join("");
  return new TsugiError("TSUGI_INTERRUPTED", { left: whole, environment });
}
