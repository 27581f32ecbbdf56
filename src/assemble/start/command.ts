/** One command of a start script: what it starts, behind all the programs that start it for others. */
import { basename } from "node:path";
import { isManager, readManager } from "./managers.ts";
import { nodeOptions, readNode } from "./node.ts";
import { RUNNERS, readRunner } from "./runners.ts";
import { nothing, plainArgs, type Reading, type StartScript, withGiven } from "./script.ts";
import { severalAsLine } from "./several.ts";
import { splitWords } from "./shellWords.ts";
import { readWatcher } from "./watchers.ts";
import { takeOptions, WRAPPERS, type Wrapper } from "./wrappers.ts";

export function readCommand(
  text: string,
  reading: Omit<Reading, "words">,
): StartScript | undefined {
  const whole: Reading = { ...reading, words: (words) => readWords(words, whole) };
  return whole.words(splitWords(text));
}

function readWords(given: string[], reading: Reading): StartScript | undefined {
  const around = nothing();
  const words = [...given];
  const line = unwrap(words, around);
  const found = line === undefined ? readTool(words, reading) : reading.line(line);
  return found && withGiven(found, around);
}

function readTool([first, ...words]: string[], reading: Reading): StartScript | undefined {
  if (first === undefined) return undefined;
  const tool = first.includes("node_modules/.bin/") ? basename(first) : first;
  if (isManager(tool)) {
    const found = readManager(tool, words, reading);
    if (found !== "none") return found;
  }
  if (tool === "node" || tool === "nodejs") return readNode(words, reading);
  if (Object.hasOwn(RUNNERS, tool)) return readRunner(tool, words, reading);
  const watched = readWatcher(tool, words, reading);
  if (watched !== undefined) return watched;
  const several = severalAsLine(tool, words, reading);
  const one = several?.line === undefined ? undefined : reading.line(several.line);
  if (one !== undefined && one.elsewhere === undefined) return one;
  const behind = words.slice(words.indexOf("--") + 1);
  // `wait-for-it db:5432 -- node a.js`: whatever it is, it starts what stands there.
  if (words.includes("--") && isKnown(behind[0])) return reading.words(behind);
  const elsewhere = several?.elsewhere ?? (one && "*");
  return { ...nothing(), tool, args: plainArgs(words), ...(elsewhere ? { elsewhere } : {}) };
}

const isKnown = (word: string | undefined): boolean =>
  word !== undefined &&
  (/^node(js)?$/.test(word) ||
    isManager(word) ||
    Object.hasOwn(RUNNERS, word) ||
    Object.hasOwn(WRAPPERS, word));

/** Assignments and the programs that only set the scene, off the front. @returns a line that one of them runs */
function unwrap(words: string[], around: StartScript): string | undefined {
  for (let word = words[0]; word !== undefined; word = words[0]) {
    const assignment = /^([A-Za-z_]\w*)=(.*)$/s.exec(word);
    const wrapper: Wrapper | undefined = Object.hasOwn(WRAPPERS, word) ? WRAPPERS[word] : undefined;
    if (assignment === null && wrapper === undefined) return undefined;
    // `bash start.sh` is a program of its own.
    if (wrapper?.onlyLines && !words.some((one) => wrapper.lines?.includes(one))) return undefined;
    words.shift();
    if (assignment) assign(assignment[1]!, assignment[2]!, around);
    const line = wrapper && takeOptions(words, wrapper, around);
    if (line !== undefined) return line;
  }
  return undefined;
}

export function assign(name: string, value: string, around: StartScript): void {
  if (name === "NODE_OPTIONS") {
    const { nodeArgs, envFiles } = nodeOptions(splitWords(value));
    around.nodeArgs.push(...nodeArgs);
    around.envFiles.push(...envFiles);
    // It is production unless the host says otherwise, and a value of the shell's is not known here.
  } else if (!value.includes("$") && !(name === "NODE_ENV" && value === "production")) {
    around.env[name] = value;
  }
}
