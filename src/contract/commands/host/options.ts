/** Options of `bin/<app>` that commands of more than one table have. */
export const JSON_DOCUMENT = { "--json": "one JSON document on stdout" } as const;

export const WAIT = {
  "--wait": {
    text: "return only when the old version's last response has ended, too",
    only: "node",
  },
} as const;

/** How a host looks what is wanted. */
export const FOLLOWING = {
  "--every <seconds>": { text: "how often it looks", value: "positive", default: 30, only: "node" },
  "--share <percent>": {
    text: "only so many of all hosts follow, always the same ones",
    value: "positive",
    default: 100,
    only: "node",
  },
  "--annotation <key>": {
    text: 'the line of the file that is meant: <key>="…", as Kubernetes writes annotations',
    only: "node",
  },
} as const;
