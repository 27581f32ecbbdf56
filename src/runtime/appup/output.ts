/** Preloaded into the `node` of an appup's command: all that it prints arrives. */
import { keepOutput } from "../node/standardOutput.ts";

keepOutput();
