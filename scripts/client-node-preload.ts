/** Named in bunfig.toml, so that running from source behaves like the executable. */
import { plugin } from "bun";
import { clientNodePlugin } from "./client-node-plugin.ts";

await plugin(clientNodePlugin);
