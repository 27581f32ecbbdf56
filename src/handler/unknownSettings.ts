/**
 * Keys of `etc/config.json` that this tsugi does not know. They are no error, since they may be of a
 * newer or an older one, but a slip of the keyboard would otherwise never be seen.
 */

import { isRecord } from "../contract/checks.ts";
import { SETTINGS, type Setting, type SettingSection } from "../contract/settings.ts";
import { nearest } from "../protocol/nearest.ts";

/** A sentence for each. */
export function unknownSettings(file: string, settings: object): string[] {
  return Object.entries(settings).flatMap(([name, value]) => {
    const entry = (SETTINGS as Record<string, Setting | SettingSection>)[name];
    if (entry === undefined) return [sentence(file, name, Object.keys(SETTINGS))];
    if (!("settings" in entry) || !isRecord(value)) return [];
    const known = Object.keys(entry.settings);
    return Object.keys(value)
      .filter((key) => !known.includes(key))
      .map((key) => sentence(file, `${name}.${key}`, known));
  });
}

const LEAST_LIKENESS = 0.5;

function sentence(file: string, path: string, known: readonly string[]): string {
  const [meant] = nearest(path.split(".").at(-1)!, known, LEAST_LIKENESS);
  return `${file}: ${path} is not known${meant === undefined ? "" : `; did you mean ${meant}?`}`;
}
