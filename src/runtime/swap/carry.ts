/**
 * State from one generation to another in the same process: by reference, so that it takes as long
 * as its migration and no longer, however much of it there is. Where a state has `encode` and
 * `decode` (instances of classes, which belong to one generation's code) it goes through them.
 */
import type { Registrations } from "../../hot/registrations.ts";
import type { StateCell } from "../../hot/state.ts";
import { stopwatch } from "../../platform/clock.ts";
import type { CarriedState } from "../../protocol/states.ts";
import type { WorkerBoot } from "../../protocol/worker.ts";
import { assertGoesOn } from "../state/cloneable.ts";
import { migrate, stateError } from "../state/migrate.ts";

export interface Side {
  registrations: Registrations;
  boot: WorkerBoot;
}

type Cell = StateCell<unknown>;

/** All or none: nothing is set when one fails, and the sender keeps what it has. */
export async function carryByReference(
  from: Side,
  to: Side,
  check: boolean,
): Promise<CarriedState[]> {
  const values: [Cell, unknown][] = [];
  const carried: CarriedState[] = [];
  for (const cell of to.registrations.states.values()) {
    const { name, version } = cell;
    const sender = from.registrations.states.get(name);
    const elapsed = stopwatch();
    if (sender !== undefined) values.push([cell, await convert(sender, cell, { from, to, check })]);
    carried.push({
      name,
      from: sender?.version ?? null,
      to: version,
      bytes: 0,
      migrateMs: elapsed(),
    });
  }
  for (const [cell, value] of values) cell.set(value);
  return carried;
}

async function convert(
  sender: Cell,
  receiver: Cell,
  { from, to, check }: { from: Side; to: Side; check: boolean },
): Promise<unknown> {
  const { name: state, version: at } = sender;
  const { version: wanted } = receiver;
  const isUpgrade = at <= wanted;
  const steps = isUpgrade ? receiver.options.upgrade : sender.options.downgrade;
  const release = isUpgrade ? to.boot.version : from.boot.version;
  try {
    const value = sender.settle();
    const { encode } = sender.options;
    const plan = { state, steps, from: at, to: wanted, release };
    const migrated = await migrate(encode ? encode(value) : value, plan);
    const { decode } = receiver.options;
    const made = decode ? decode(migrated) : migrated;
    if (check) assertGoesOn(receiver, at, made);
    return made;
  } catch (error) {
    throw stateError(state, error);
  }
}
