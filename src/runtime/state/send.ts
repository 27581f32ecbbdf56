/** The old generation's half of a state's way: encode, downgrade if need be, serialize, write. */
import type { StateCell } from "../../hot/state.ts";
import { stopwatch } from "../../platform/clock.ts";
import type { DeclaredState } from "../../protocol/states.ts";
import type { WorkerReplies } from "../../protocol/worker.ts";
import { assertCloneable } from "./cloneable.ts";
import { FRAME, type FrameWriter } from "./frames.ts";
import { migrate, stateError } from "./migrate.ts";
import { migratePurely } from "./pure.ts";
import { byteLengthOf, deserialize, type Serialized, serialize } from "./serialize.ts";
import { Slicer, Unsliceable } from "./slices.ts";

/** What stands before each state on the pipe. */
export interface StateHeader {
  name: string;
  version: number;
  /** How many `buffer` frames follow the `body`. */
  buffers: number;
  /** This is one part of many (slices.ts); all of them have the same name. */
  part?: true;
  /** The parts that came before are to be forgotten. */
  dropped?: true;
}

type Sent = WorkerReplies["sendState"];

export interface SendOptions {
  sliced?: boolean | undefined;
  pure?: boolean | undefined;
  /** Look through what a `downgrade` makes: in the pause only where no rehearsal has. */
  check?: boolean | undefined;
}

/** States whose values a rehearsal has looked through: not once more while requests wait. */
const lookedThrough = new WeakSet<StateCell<unknown>>();

export async function sendStates(
  cells: Iterable<StateCell<unknown>>,
  wanted: DeclaredState[],
  release: string,
  writer: FrameWriter,
  how: SendOptions = {},
): Promise<Sent> {
  const states: Sent["states"] = [];
  const skipped: NonNullable<Sent["skipped"]> = [];
  let serializeMs = 0;
  try {
    for (const cell of cells) {
      const target = wanted.find(({ name }) => name === cell.name);
      // What the receiver does not declare stays behind.
      if (target === undefined) continue;
      const elapsed = stopwatch();
      const version = Math.min(cell.version, target.version);
      if (how.sliced && version === cell.version) {
        const why = await sendSlices(cell, writer, states);
        if (why !== undefined) skipped.push({ name: cell.name, why });
        continue;
      }
      const serialized = await pack(cell, version, release, how);
      serializeMs += elapsed();
      await write(writer, { name: cell.name, version, buffers: 0 }, serialized);
      states.push({ name: cell.name, version, bytes: byteLengthOf(serialized) });
    }
    await writer.end();
  } catch (error) {
    writer.abort();
    throw error;
  }
  return { states, serializeMs, skipped };
}

/** Returns why it had to be left out, if so. */
async function sendSlices(
  cell: StateCell<unknown>,
  writer: FrameWriter,
  sent: Sent["states"],
): Promise<string | undefined> {
  const { name, version, options } = cell;
  let bytes = 0;
  const slicer = new Slicer(async (part) => {
    const serialized = serialize(part);
    bytes += byteLengthOf(serialized);
    await write(writer, { name, version, part: true, buffers: 0 }, serialized);
  });
  try {
    const value = cell.settle();
    await slicer.copy(name, options.encode ? options.encode(value) : value);
  } catch (error) {
    if (error instanceof Unsliceable) {
      // The receiver forgets the parts that it has: a header without a body.
      await writer.json({ name, version, buffers: 0, part: true, dropped: true });
      return error.message;
    }
    throw stateError(name, error);
  }
  lookedThrough.add(cell);
  sent.push({ name, version, bytes, stallMs: slicer.longestMs });
  return undefined;
}

async function pack(
  cell: StateCell<unknown>,
  to: number,
  release: string,
  { pure, check }: SendOptions,
): Promise<Serialized> {
  const { name: state, version: from, options } = cell;
  const value = cell.settle();
  try {
    const encoded = options.encode ? options.encode(value) : value;
    const serialized = serializeChecked(state, encoded, !lookedThrough.has(cell));
    if (from === to) return serialized;
    // A downgrade gets a copy: if it writes to its input, a thaw must not see it.
    const copy = deserialize(serialized);
    const plan = { state, steps: options.downgrade, from, to, release };
    const migrated = pure ? await migratePurely(copy, plan) : await migrate(copy, plan);
    return serializeChecked(state, migrated, check === true);
  } catch (error) {
    throw stateError(state, error);
  }
}

function serializeChecked(name: string, value: unknown, isToCheck: boolean): Serialized {
  if (isToCheck) assertCloneable(name, value);
  try {
    return serialize(value);
  } catch (error) {
    assertCloneable(name, value);
    throw error;
  }
}

async function write(
  writer: FrameWriter,
  header: StateHeader,
  { body, buffers }: Serialized,
): Promise<void> {
  await writer.json({ ...header, buffers: buffers.length });
  await writer.write(FRAME.body, body);
  for (const buffer of buffers) await writer.write(FRAME.buffer, new Uint8Array(buffer));
}
