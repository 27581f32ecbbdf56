/**
 * A swap migrates the state itself, not a copy: a step that changes what it was given would leave
 * the old version with a state that it does not know. Found here, in the rehearsal, on a copy.
 */
import { TsugiError } from "../../contract/errors.ts";
import { type MigrationPlan, migrate } from "./migrate.ts";
import { serialize } from "./serialize.ts";

/** @throws TSUGI_STATE_FAILED where the input is another one afterwards. */
export async function migratePurely(input: unknown, plan: MigrationPlan): Promise<unknown> {
  const { state, from, to } = plan;
  if (from === to) return input;
  const before = imageOf(input);
  const output = await migrate(input, plan);
  if (!isSame(before, imageOf(input))) {
    const problem = "its migration changes the value that it is given; it has to make a new one";
    throw new TsugiError("TSUGI_STATE_FAILED", { state, problem });
  }
  return output;
}

/** Copied: typed arrays are sent by their memory, which the migration may write to. */
function imageOf(value: unknown): Buffer[] {
  const { body, buffers } = serialize(value);
  return [body, ...buffers.map((buffer) => Buffer.from(new Uint8Array(buffer)))];
}

const isSame = (before: Buffer[], after: Buffer[]): boolean =>
  before.length === after.length && before.every((buffer, index) => buffer.equals(after[index]!));
