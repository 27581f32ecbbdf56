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
  /** Where `tsugi release` is run, below `app`. */
  folder?: string;
  /** Of a package that is shown with its version. */
  version: string;
  page?: string;
  /** A path, or what finds one in the page. */
  asset?: string | RegExp;
  /** The one line that changes: in a file, a word that the page has, and what it becomes. */
  change: {
    file: string;
    from: string;
    to: string;
    /** What the page has of it, before and after, where that is something else. */
    shown?: readonly [string, string];
  };
}
