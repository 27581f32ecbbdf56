/** `bin/<app>` of Node releases: contract.ts has what it has to keep. */
import { binAppContract } from "./binApp/contract.ts";
import { nodeKind } from "./binApp/kinds.ts";

binAppContract(nodeKind());
