/** The new generation's half of a state's way: read, deserialize, upgrade, decode; all or none. */
import { isDeepStrictEqual } from "node:util";
import type { StateCell } from "../../hot/state.ts";
import { stopwatch } from "../../platform/clock.ts";
import type { CarriedState } from "../../protocol/states.ts";
import type { RawHandle } from "../node/internals.ts";
import { assertGoesOn, findCloneProblem } from "./cloneable.ts";
import { FRAME, type Frame, readFrames } from "./frames.ts";
import { migrate, stateError } from "./migrate.ts";
import type { StateHeader } from "./send.ts";
import { byteLengthOf, deserialize, type Serialized, type UnknownView } from "./serialize.ts";
import { Joiner, type Part } from "./slices.ts";

/** One state, as one piece or as the parts of a sliced copy. */
interface Received {
  header: StateHeader;
  pieces: { header: StateHeader; serialized: Serialized }[];
}

type Cells = ReadonlyMap<string, StateCell<unknown>>;

export interface ReceiveOptions {
  /** The release's version, for errors. */
  release: string;
  /** Nothing is at stake: look also for migrations that change their input. */
  rehearsal: boolean;
  /** Look whether what was made of a state can be carried on: always in a rehearsal. */
  check: boolean;
}

export async function receiveStates(
  cells: Cells,
  handle: RawHandle,
  options: ReceiveOptions,
): Promise<CarriedState[]> {
  const received = await readStates(handle);
  const values: [StateCell<unknown>, unknown][] = [];
  const carried = new Map<string, CarriedState>();
  for (const state of received) {
    const { header, pieces } = state;
    const cell = cells.get(header.name);
    if (cell === undefined) continue;
    const elapsed = stopwatch();
    values.push([cell, await unpack(cell, state, options)]);
    const report: CarriedState = {
      name: cell.name,
      from: header.version,
      to: cell.version,
      bytes: pieces.reduce((sum, { serialized }) => sum + byteLengthOf(serialized), 0),
      migrateMs: elapsed(),
    };
    if (options.rehearsal && (await changesInput(cell, state, options.release))) {
      report.changesInput = true;
    }
    carried.set(cell.name, report);
    // The value is there: its serialized form need not stay beside it.
    pieces.length = 0;
  }
  for (const [cell, value] of values) cell.set(value);
  return [...cells.values()].map((cell) => carried.get(cell.name) ?? initialOf(cell));
}

const initialOf = ({ name, version }: StateCell<unknown>): CarriedState => ({
  name,
  from: null,
  to: version,
  bytes: 0,
  migrateMs: 0,
});

async function unpack(
  cell: StateCell<unknown>,
  { header, pieces }: Received,
  { release, check }: ReceiveOptions,
): Promise<unknown> {
  const { version: to, options } = cell;
  const { name: state, version: from } = header;
  try {
    const plan = { state, steps: options.upgrade, from, to, release };
    const migrated = await migrate(join(pieces), plan);
    const value = options.decode ? options.decode(migrated) : migrated;
    if (check) assertGoesOn(cell, from, value);
    return value;
  } catch (error) {
    throw stateError(state, error);
  }
}

/**
 * A migration is to leave its input alone: in a swap the old generation still has it. Both copies
 * here come from the same bytes, so what differs was changed.
 */
async function changesInput(
  cell: StateCell<unknown>,
  { header, pieces }: Received,
  release: string,
): Promise<boolean> {
  const { name: state, version: to, options } = cell;
  if (header.version === to) return false;
  const input = join(pieces);
  await migrate(input, { state, steps: options.upgrade, from: header.version, to, release });
  return !isDeepStrictEqual(input, join(pieces));
}

/** @throws naming the path of what this Node has no type for */
function join(pieces: Received["pieces"]): unknown {
  const unknown: UnknownView[] = [];
  const value = joined(pieces, unknown);
  if (unknown.length === 0) return value;
  const path = findCloneProblem(pieces[0]!.header.name, value)?.path;
  throw new Error(`${path} is a ${unknown[0]!.type}, which Node ${process.versions.node} lacks`);
}

function joined(pieces: Received["pieces"], unknown: UnknownView[]): unknown {
  const first = pieces[0]!;
  if (!first.header.part) return deserialize(first.serialized, unknown);
  const joiner = new Joiner();
  for (const { serialized } of pieces) joiner.add(deserialize(serialized, unknown) as Part);
  return joiner.value;
}

async function readStates(handle: RawHandle): Promise<Received[]> {
  const received = new Map<string, Received>();
  let current: Received["pieces"][number] | undefined;
  await readFrames(handle, ({ kind, bytes }: Frame) => {
    if (kind === FRAME.json) {
      const header = JSON.parse(bytes.toString()) as StateHeader;
      if (header.dropped) {
        received.delete(header.name);
        return;
      }
      current = { header, serialized: { body: Buffer.alloc(0), buffers: [] } };
      const state = received.get(header.name) ?? { header, pieces: [] };
      state.pieces.push(current);
      received.set(header.name, state);
    } else if (kind === FRAME.body) current!.serialized.body = bytes;
    else if (kind === FRAME.buffer) current!.serialized.buffers.push(bytes.buffer);
  });
  return [...received.values()];
}
