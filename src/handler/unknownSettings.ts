/**
 * Keys of `etc/config.json` that this tsugi does not know. They are no error, since they may be of a
 * newer or an older one, but a slip of the keyboard would otherwise never be seen.
 */
import { isRecord } from "../contract/checks.ts";
import { SETTINGS, type Setting, type SettingSection } from "../contract/settings.ts";

/** A sentence for each. */
export function unknownSettings(file: string, settings: object): string[] {
  return Object.entries(settings).flatMap(([name, value]) => {
    const entry = (SETTINGS as Record<string, Setting | SettingSection>)[name];
    if (entry === undefined) return [sentence(file, name, nearest(name, Object.keys(SETTINGS)))];
    if (!("settings" in entry) || !isRecord(value)) return [];
    const known = Object.keys(entry.settings);
    return Object.keys(value)
      .filter((key) => !known.includes(key))
      .map((key) => sentence(file, `${name}.${key}`, nearest(key, known)));
  });
}

const sentence = (file: string, path: string, meant: string | undefined): string =>
  `${file}: ${path} is not known${meant === undefined ? "" : `; did you mean ${meant}?`}`;

/** What two or three slips away is meant. */
function nearest(key: string, known: readonly string[]): string | undefined {
  const far = Math.max(2, Math.floor(key.length / 3));
  const [first] = known
    .map((name) => ({ name, slips: slips(key.toLowerCase(), name.toLowerCase()) }))
    .filter((one) => one.slips <= far)
    .sort((a, b) => a.slips - b.slips);
  return first?.name;
}

/** Levenshtein's distance. */
function slips(a: string, b: string): number {
  let row = [...b, ""].map((_, at) => at);
  for (const [above, letter] of [...a].entries()) {
    const next = [above + 1];
    for (const [at, other] of [...b].entries()) {
      next.push(Math.min(row[at]! + (letter === other ? 0 : 1), row[at + 1]! + 1, next[at]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
