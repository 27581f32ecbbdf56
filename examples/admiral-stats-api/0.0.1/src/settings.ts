import { join } from "node:path";

const { env } = process;

/** From the environment; in a release it is the host's own, with `etc/env` on top. */
export const settings = {
  host: env.HOST,
  port: Number(env.PORT ?? 4000),
  databaseUrl: env.DATABASE_URL ?? `sqlite:${join(env.TSUGI_DATA_DIR ?? ".", "admiral-stats.db")}`,
};
