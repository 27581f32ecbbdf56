/** What a command line was read to start. */
export interface StartScript {
  /** What is run: `node`, `tsx`, `nest`, `next` … */
  tool: string;
  entry?: string;
  nodeArgs: string[];
  /** Of the entry; of any other tool, all that follows it. */
  args: string[];
  env: Record<string, string>;
  /** Commands that have to succeed before it. */
  before: string[];
  /** Of those that come first, what builds the project: a release has done that. */
  builds: string[];
  /** Commands after it, or beside it, which no release runs. */
  left: string[];
  /** Files that variables are read from. */
  envFiles: string[];
  /** Where a `cd` has led, and it is run. */
  folder?: string;
  /** The tsconfig that what compiles it is told to take. */
  tsconfig?: string;
  /** Another project that it goes to: a folder, or the name of a workspace's package; "*" for many. */
  elsewhere?: string;
}

export const nothing = (): StartScript => ({
  tool: "",
  nodeArgs: [],
  args: [],
  env: {},
  before: [],
  builds: [],
  left: [],
  envFiles: [],
});

/** What a reader of one command may ask for. */
export interface Reading {
  scripts: Record<string, string>;
  /** Where a `cd` has led. */
  folder: string;
  /** Another line: of a script, or of an option such as `sh -c`. */
  line(text: string): StartScript | undefined;
  /** Another command. */
  words(words: string[]): StartScript | undefined;
}

/** What was said around it is said of it, too. */
export const withGiven = (found: StartScript, given: StartScript): StartScript => ({
  ...found,
  nodeArgs: [...given.nodeArgs, ...found.nodeArgs],
  envFiles: [...given.envFiles, ...found.envFiles],
  env: { ...given.env, ...found.env },
});

/** Without what only a shell can do: `> a.log`, `$(hostname)`, `"$@"`. Variables are filled in when it starts. */
export function plainArgs(words: string[]): string[] {
  const args: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!;
    const redirection = /^(\d|&)?(>>?|<)(.*)$/.exec(word);
    if (redirection) at += redirection[3] === "" ? 1 : 0;
    else if (/^\$[@*]$/.test(word)) continue;
    else if (!/\$\(|`/.test(word)) args.push(word);
    else if (args.at(-1)?.startsWith("-") && !word.startsWith("-")) args.pop();
  }
  return args;
}
