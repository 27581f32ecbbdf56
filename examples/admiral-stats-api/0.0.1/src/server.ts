import { createServer } from "node:http";
import { hot } from "tsugi/hot";
import { openFeed } from "./feed.ts";
import { serve } from "./http.ts";
import { routesOver } from "./routes.ts";
import { settings } from "./settings.ts";
import { Store } from "./store.ts";
import { version } from "./version.ts";

const store = await Store.open(settings.databaseUrl);
const server = createServer(serve(routesOver(store)));
openFeed(server);

hot.health(() => store.ping());
hot.dispose(() => store.close());

server.listen(settings.port, settings.host, () => {
  console.log(`admiral-stats-api ${version} listens on port ${settings.port}`);
});
