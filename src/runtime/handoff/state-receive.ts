/** The new generation's half of a state's way: read, deserialize, upgrade, decode; all or none. */
import { messageOf, TsugiError } from "../../errors.ts";
import type { StateCell } from "../../hot/state.ts";
import { stopwatch } from "../../platform/clock.ts";
import type { CarriedState } from "../../protocol/worker.ts";
import type { RawHandle } from "../worker/node-internals.ts";
import { FRAME, type Frame, readFrames } from "./frames.ts";
import { migrate } from "./migrate.ts";
import { byteLengthOf, deserialize, type Serialized } from "./serialize.ts";
import type { StateHeader } from "./state-send.ts";

interface Received {
  header: StateHeader;
  serialized: Serialized;
}

type Cells = ReadonlyMap<string, StateCell<unknown>>;

export async function receiveStates(
  cells: Cells,
  release: string,
  handle: RawHandle,
): Promise<CarriedState[]> {
  const received = await readStates(handle);
  const values: [StateCell<unknown>, unknown][] = [];
  const carried = new Map<string, CarriedState>();
  for (const { header, serialized } of received) {
    const cell = cells.get(header.name);
    if (cell === undefined) continue;
    const elapsed = stopwatch();
    values.push([cell, await unpack(cell, header, serialized, release)]);
    carried.set(cell.name, {
      name: cell.name,
      from: header.version,
      to: cell.version,
      bytes: byteLengthOf(serialized),
      migrateMs: elapsed(),
    });
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
  { name: state, version: from }: StateHeader,
  serialized: Serialized,
  release: string,
): Promise<unknown> {
  const { version: to, options } = cell;
  try {
    const plan = { state, steps: options.upgrade, from, to, release };
    const value = await migrate(deserialize(serialized), plan);
    return options.decode ? options.decode(value) : value;
  } catch (error) {
    if (error instanceof TsugiError) throw error;
    const problem = messageOf(error);
    throw new TsugiError("TSUGI_STATE_FAILED", { state, problem, from, to }, { cause: error });
  }
}

async function readStates(handle: RawHandle): Promise<Received[]> {
  const received: Received[] = [];
  await readFrames(handle, ({ kind, bytes }: Frame) => {
    if (kind === FRAME.json) {
      const header = JSON.parse(bytes.toString()) as StateHeader;
      received.push({ header, serialized: { body: Buffer.alloc(0), buffers: [] } });
    } else if (kind === FRAME.body) received.at(-1)!.serialized.body = bytes;
    else if (kind === FRAME.buffer) received.at(-1)!.serialized.buffers.push(bytes.buffer);
  });
  for (const { header, serialized } of received) {
    if (serialized.buffers.length === header.buffers) continue;
    const problem = "it arrived only in part";
    throw new TsugiError("TSUGI_STATE_FAILED", { state: header.name, problem });
  }
  return received;
}
