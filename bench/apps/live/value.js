// Both for the app and for the script that serialises the same value without tsugi.
const RECORD_BYTES = 100;

/** About so many megabytes, as a Map of records or as one array of bytes. */
export function makeValue(kind, megabytes) {
  const bytes = megabytes * 1e6;
  if (kind === "array") return new Uint8Array(bytes).fill(7);
  const records = new Map();
  for (let number = 0; number < bytes / RECORD_BYTES; number += 1) {
    records.set(`admiral-${number}`, { name: "mikasa", rank: number % 30, points: number * 1.5 });
  }
  return records;
}
