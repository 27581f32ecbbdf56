/** Texts that nobody should write: JSON with other values in it, and bytes that were hit by chance. */
import { oneOf, type Random } from "../random.ts";

const VALUES: unknown[] = [
  null,
  true,
  0,
  -1,
  7.5,
  2 ** 53,
  1e308,
  "",
  "..",
  "a/b",
  "../../etc/passwd",
  "0.0.1",
  "\0",
  "é",
  "constructor",
  "__proto__",
  "x".repeat(5_000),
  [],
  {},
  [null],
  [[[]]],
  { format: 1 },
];

type Container = Record<string | number, unknown>;

/** A JSON text with a few changes, or a text with a few changes. */
export function spoilText(text: string, below: Random): string {
  if (below(4) > 0) {
    try {
      return `${JSON.stringify(spoilValue(JSON.parse(text), below))}\n`;
    } catch {
      // No JSON: its characters then.
    }
  }
  return spoilCharacters(text, below);
}

export function spoilValue(whole: unknown, below: Random): unknown {
  const box = { value: structuredClone(whole) };
  for (let times = 1 + below(3); times > 0; times -= 1) {
    const places = placesIn(box);
    const [holder, key] = oneOf(places, below);
    const others = oneOf(places, below);
    switch (below(5)) {
      case 0:
        delete holder[key];
        break;
      case 1:
        holder[key] = structuredClone(others[0][others[1]]);
        break;
      case 2:
        (holder as Record<string, unknown>)[oneOf(["toString", "extra", "0", ""], below)] = 1;
        break;
      default:
        holder[key] = structuredClone(oneOf(VALUES, below));
    }
  }
  return box.value;
}

function placesIn(root: Container): [Container, string][] {
  return Object.entries(root).flatMap(([key, value]): [Container, string][] => {
    const below = value !== null && typeof value === "object" ? placesIn(value as Container) : [];
    return [[root, key], ...below];
  });
}

function spoilCharacters(text: string, below: Random): string {
  let spoilt = text;
  for (let times = 1 + below(4); times > 0; times -= 1) {
    const at = below(spoilt.length + 1);
    const length = 1 + below(20);
    const odd = oneOf(
      ["\0", "\n", '"', "'", "{", "[", "\\", "=", " ", "\u2028", "9".repeat(400)],
      below,
    );
    switch (below(4)) {
      case 0:
        spoilt = spoilt.slice(0, at) + odd + spoilt.slice(at);
        break;
      case 1:
        spoilt = spoilt.slice(0, at) + spoilt.slice(at + length);
        break;
      case 2:
        spoilt = spoilt.slice(0, at) + spoilt.slice(Math.max(0, at - length));
        break;
      default:
        spoilt = spoilt.slice(0, at) + String.fromCharCode(below(256)) + spoilt.slice(at + 1);
    }
  }
  return spoilt;
}
