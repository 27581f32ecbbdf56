/**
 * What a `ws` receiver has read and not yet delivered, turned back into the bytes of frames: the
 * next generation's receiver then starts from the beginning of a frame, whatever version it has.
 *
 *   [ fragments of a message whose rest is to come ] [ header of the frame under way ] [ its bytes ]
 *
 * Private fields of ws 8: checked by test/contract/worker-websockets.test.ts.
 */

export interface ReceiverInternals {
  _state: number;
  _loop: boolean;
  _buffers: Buffer[];
  _fragments: Buffer[];
  /** The opcode of the message that arrives in fragments, or 0. */
  _fragmented: number;
  _compressed: boolean;
  _fin: boolean;
  _opcode: number;
  _masked: boolean;
  _mask: Buffer | undefined;
  _payloadLength: number;
  writableLength: number;
}

const GET_INFO = 0;
const GET_MASK = 3;
const GET_DATA = 4;
const FIN = 0x80;
const COMPRESSED = 0x40;
const MASKED = 0x80;
const NO_MASK = Buffer.alloc(4);

/** True when the receiver waits for bytes: nothing is being inflated, nothing is to be delivered. */
export function isAtRest(receiver: ReceiverInternals): boolean {
  if (receiver._state > GET_DATA || receiver.writableLength > 0) return false;
  return !mustReadOn(receiver);
}

/** Inflated fragments cannot be turned back into what comes next: that message is read to its end. */
export const mustReadOn = (receiver: ReceiverInternals): boolean =>
  receiver._compressed && receiver._fragmented !== 0 && receiver._fragments.length > 0;

export function unreadBytes(receiver: ReceiverInternals): Buffer {
  const parts: Buffer[] = [];
  const inFrame = receiver._state !== GET_INFO;
  const inData = inFrame && receiver._opcode < 0x08;
  const firstFrame = inData && receiver._fragments.length === 0;
  if (receiver._fragmented !== 0 && !firstFrame) {
    const data = Buffer.concat(receiver._fragments);
    parts.push(header(receiver._fragmented, data.length), NO_MASK, data);
  }
  if (inFrame) parts.push(frameHeader(receiver, inData, firstFrame));
  parts.push(...receiver._buffers);
  return Buffer.concat(parts);
}

/** Of a frame whose header was read up to the receiver's state. */
function frameHeader(receiver: ReceiverInternals, inData: boolean, firstFrame: boolean): Buffer {
  const { _state, _opcode, _fin, _compressed, _mask, _payloadLength } = receiver;
  let first = inData && !firstFrame ? 0 : _opcode;
  if (_fin) first |= FIN;
  if (firstFrame && _compressed) first |= COMPRESSED;
  if (_state < GET_MASK) return Buffer.from([first, MASKED | _payloadLength]);
  const length = header(first, _payloadLength);
  return _state === GET_DATA ? Buffer.concat([length, _mask ?? NO_MASK]) : length;
}

/** First byte and length, as a client sends them. */
function header(first: number, length: number): Buffer {
  if (length < 126) return Buffer.from([first, MASKED | length]);
  if (length < 65_536) return Buffer.from([first, MASKED | 126, length >> 8, length & 0xff]);
  const bytes = Buffer.alloc(10);
  bytes[0] = first;
  bytes[1] = MASKED | 127;
  bytes.writeBigUInt64BE(BigInt(length), 2);
  return bytes;
}
