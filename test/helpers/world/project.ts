import type { Guest } from "./guests.ts";

/** What makes a project of the world, where its page is, and what to change in it. */
export interface WorldProject {
  /** By what it is made: shown in the table. */
  by: string;
  /** Run one after the other in an empty folder; the project is in `app` afterwards. */
  commands?: string[][];
  /** Written over what is there by then; objects as JSON. */
  files?: Record<string, unknown>;
  /** Taken into its package.json before it is installed. */
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  scripts?: Record<string, string>;
  /** What installs it; npm without. */
  install?: string[];
  /** Of the host's: paths in `var/`, a secret … */
  env?: Record<string, string>;
  /** Where `tsugi release` is run, below `app`. */
  folder?: string;
  /** Of a package that is shown with its version. */
  version: string;
  page?: string;
  /** Who is there when the version changes. */
  guest?: Guest;
  /** A path, or what finds one in the page. */
  asset?: string | RegExp;
  /** Of a route that answers with JSON. */
  api?: string;
  /** Of a picture that the framework makes smaller. */
  image?: string;
  /** Where it answers with 40 events in 4 s, and the word `whole` as the last. */
  stream?: string;
  /** Where a WebSocket says back what it hears. */
  webSocket?: string;
  /** The one line that changes: in a file, a word that the page has, and what it becomes. */
  change: {
    file: string;
    from: string;
    to: string;
    /** What the page has of it, before and after, where that is something else. */
    shown?: readonly [string, string];
  };
}
