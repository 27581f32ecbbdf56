/**
 * What names may be. Both become parts of paths, so that neither can leave its folder: no separator,
 * and no dot at the begin.
 */
export const APP_NAME = "[A-Za-z0-9_][A-Za-z0-9._-]*";
export const VERSION_NAME = "[0-9A-Za-z][0-9A-Za-z.+_-]*";

const app = new RegExp(`^${APP_NAME}$`);
const version = new RegExp(`^${VERSION_NAME}$`);

export const isAppName = (text: unknown): text is string =>
  typeof text === "string" && app.test(text);

/** Not whether it is a semantic version: releases of the BEAM need not have one. */
export const isVersionName = (text: unknown): text is string =>
  typeof text === "string" && version.test(text);
