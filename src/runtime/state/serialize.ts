/**
 * Structured clone between processes, by V8's own serializer, with two differences: the memory of
 * a typed array is not copied into the serialized body but sent beside it, and a Buffer stays a
 * Buffer. Views of one ArrayBuffer stay views of one ArrayBuffer.
 */
import v8 from "node:v8";

/** Index = number on the wire: only ever append. */
const VIEW_TYPES = [
  "Buffer",
  "Int8Array",
  "Uint8Array",
  "Uint8ClampedArray",
  "Int16Array",
  "Uint16Array",
  "Int32Array",
  "Uint32Array",
  "Float32Array",
  "Float64Array",
  "DataView",
  "BigInt64Array",
  "BigUint64Array",
  "Float16Array",
] as const;

type View = NodeJS.ArrayBufferView<ArrayBuffer>;
type ViewConstructor = { new (buffer: ArrayBuffer, offset: number, length: number): View } & {
  BYTES_PER_ELEMENT?: number;
};

export interface Serialized {
  body: Buffer;
  /** Memory that the body refers to by its index. */
  buffers: ArrayBuffer[];
}

export const byteLengthOf = ({ body, buffers }: Serialized): number =>
  buffers.reduce((sum, buffer) => sum + buffer.byteLength, body.byteLength);

interface SerializerHooks {
  _setTreatArrayBufferViewsAsHostObjects(flag: boolean): void;
}

class StateSerializer extends v8.Serializer {
  readonly buffers: ArrayBuffer[] = [];
  readonly #indexes = new Map<ArrayBuffer, number>();

  constructor() {
    super();
    (this as unknown as SerializerHooks)._setTreatArrayBufferViewsAsHostObjects(true);
  }

  /** Called by V8 for every view, once for each identity. */
  _writeHostObject(object: object): void {
    if (!ArrayBuffer.isView(object)) {
      throw new Error(`a ${object.constructor?.name ?? "value"} cannot be cloned`);
    }
    const view = object as View;
    const inline = Buffer.isBuffer(view) && view.byteLength < view.buffer.byteLength;
    this.writeUint32(typeIndexOf(view));
    this.writeUint32(inline ? 1 : 0);
    if (inline) {
      // A slice of Buffer's shared pool: its bytes are its own, the rest of the pool is not.
      this.writeUint32(view.byteLength);
      this.writeRawBytes(view as Buffer);
      return;
    }
    this.writeUint32(this.#indexOf(view.buffer));
    this.writeDouble(view.byteOffset);
    this.writeDouble(view.byteLength);
  }

  _getSharedArrayBufferId(): number {
    throw new Error("a SharedArrayBuffer cannot be carried into another process");
  }

  #indexOf(buffer: ArrayBuffer): number {
    const known = this.#indexes.get(buffer);
    if (known !== undefined) return known;
    this.#indexes.set(buffer, this.buffers.length);
    return this.buffers.push(buffer) - 1;
  }
}

/** Stands for a view of a type that this Node does not have. */
export class UnknownView {
  readonly type: string;

  constructor(type: string) {
    this.type = type;
  }
}

class StateDeserializer extends v8.Deserializer {
  readonly #buffers: ArrayBuffer[];
  readonly unknown: UnknownView[] = [];

  constructor({ body, buffers }: Serialized) {
    super(body);
    this.#buffers = buffers;
  }

  _readHostObject(): View | UnknownView {
    const name = VIEW_TYPES[this.readUint32()] ?? "a type from a newer tsugi";
    if (this.readUint32() === 1) return Buffer.from(this.readRawBytes(this.readUint32()));
    const buffer = this.#buffers[this.readUint32()]!;
    const offset = this.readDouble();
    const length = this.readDouble();
    if (name === "Buffer") return Buffer.from(buffer, offset, length);
    const type = (globalThis as unknown as Record<string, ViewConstructor | undefined>)[name];
    if (type === undefined) return this.unknown[this.unknown.push(new UnknownView(name)) - 1]!;
    return new type(buffer, offset, length / (type.BYTES_PER_ELEMENT ?? 1));
  }
}

export function serialize(value: unknown): Serialized {
  const serializer = new StateSerializer();
  serializer.writeHeader();
  serializer.writeValue(value);
  return { body: serializer.releaseBuffer(), buffers: serializer.buffers };
}

/** `unknown`: gets what could not be read here. */
export function deserialize(serialized: Serialized, unknown: UnknownView[] = []): unknown {
  const deserializer = new StateDeserializer(serialized);
  deserializer.readHeader();
  const value = deserializer.readValue();
  unknown.push(...deserializer.unknown);
  return value;
}

function typeIndexOf(view: View): number {
  const name = Buffer.isBuffer(view) ? "Buffer" : Object.prototype.toString.call(view).slice(8, -1);
  const index = (VIEW_TYPES as readonly string[]).indexOf(name);
  if (index < 0) throw new Error(`a ${name} cannot be carried`);
  return index;
}
