/** Options of `tsugi` that commands of more than one table have. */
export const JSON_DOCUMENT = {
  "--json": "one JSON document on stdout, progress on stderr",
} as const;
export const STORE = {
  "--store <place>":
    "a folder, ssh://host/folder or oci://registry/app (default: TSUGI_STORE, or store in tsugi.config.*)",
} as const;
export const CONFIG = { "--config <file>": "another configuration file" } as const;
