/**
 * Turns what a receiver of `ws` has parsed and kept back into bytes that another receiver, of
 * whatever version, parses to the same point:
 *
 *   ┌ frames of a fragmented message ┐┌ a frame that is half received ┐
 *   │ one frame, mask 0, "not last"  ││ its head again, then its bytes│  then what nobody has read
 *   └────────────────────────────────┘└───────────────────────────────┘
 *
 * A mask of zeros changes nothing, so a payload that was unmasked here goes on as it is. Frames of
 * a *compressed* message can't be told from what they inflated to: they are kept as they came.
 */
import { joined, NOTHING } from "../../node/unread.ts";
import { RECEIVER_STATE, type ReceiverInternals } from "./internals.ts";

const FIN = 0x80;
const RSV1 = 0x40;
const MASKED = 0x80;
const CLOSE = 0x08;
const NO_MASK = Buffer.alloc(4);

/** `compressed`: payloads of the frames so far of a compressed message. */
export function pendingFrames(receiver: ReceiverInternals, compressed: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [];
  const earlier = receiver._compressed ? compressed : receiver._fragments;
  const payload = joined(earlier);
  const opcode = receiver._fragmented;
  // A frame without a payload leaves no trace in `_fragments`, but it began the message.
  const inData = receiver._state !== RECEIVER_STATE.info && receiver._opcode < CLOSE;
  if (opcode !== 0 && (earlier.length > 0 || !inData)) {
    const first = opcode | (receiver._compressed ? RSV1 : 0);
    parts.push(frameHead(first, payload.byteLength, NO_MASK), payload);
  }
  parts.push(halfFrameHead(receiver, earlier.length > 0), ...receiver._buffers);
  return joined(parts);
}

const OPCODES: Record<string, number> = { text: 0x01, binary: 0x02, pong: 0x0a };

/** Messages that nobody has heard yet, as if they came again. A ping has been answered already. */
export function keptFrames(events: readonly [event: string, parts: unknown[]][]): Buffer {
  const parts = events.flatMap(([event, [data, isBinary]]) => {
    const opcode = OPCODES[event === "message" ? (isBinary ? "binary" : "text") : event];
    if (opcode === undefined) return [];
    const payload = bytesOf(data);
    return [frameHead(FIN | opcode, payload.byteLength, NO_MASK), payload];
  });
  return joined(parts);
}

/** A message's, by the connection's `binaryType`. */
export function bytesOf(data: unknown): Buffer {
  if (Buffer.isBuffer(data)) return data;
  if (Array.isArray(data)) return Buffer.concat(data);
  return Buffer.from(data as ArrayBuffer);
}

/** The close frame that a client sent, as if it came again. */
export function closeFrame(code: number, reason: Buffer): Buffer {
  if (code === 1005) return frameHead(FIN | CLOSE, 0, NO_MASK);
  const payload = Buffer.alloc(2 + reason.byteLength);
  payload.writeUInt16BE(code, 0);
  payload.set(reason, 2);
  return Buffer.concat([frameHead(FIN | CLOSE, payload.byteLength, NO_MASK), payload]);
}

/** The head of the frame that is under way, as far as the parser has consumed it. */
function halfFrameHead(receiver: ReceiverInternals, continues: boolean): Buffer {
  const { _state: state, _payloadLength: length } = receiver;
  if (state === RECEIVER_STATE.info) return NOTHING;
  const first = firstByte(receiver, continues);
  if (state === RECEIVER_STATE.length16) return Buffer.from([first, MASKED | 126]);
  if (state === RECEIVER_STATE.length64) return Buffer.from([first, MASKED | 127]);
  const mask = state === RECEIVER_STATE.data ? receiver._mask : undefined;
  return frameHead(first, length, mask);
}

/** The parser has put the message's opcode in place of a continuation's 0, and dropped RSV1. */
function firstByte(receiver: ReceiverInternals, continues: boolean): number {
  const fin = receiver._fin ? FIN : 0;
  if (receiver._opcode >= CLOSE) return fin | receiver._opcode;
  if (continues) return fin;
  return fin | receiver._opcode | (receiver._compressed ? RSV1 : 0);
}

/** Without a mask: up to where the mask would begin. */
function frameHead(first: number, length: number, mask: Buffer | undefined): Buffer {
  const head = [first];
  if (length < 126) head.push(MASKED | length);
  else if (length < 65536) head.push(MASKED | 126, length >> 8, length & 0xff);
  else {
    const size = Buffer.alloc(8);
    size.writeBigUInt64BE(BigInt(length));
    head.push(MASKED | 127, ...size);
  }
  return Buffer.from(mask ? [...head, ...mask] : head);
}
