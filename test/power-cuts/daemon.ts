/**
 * The daemon as its own process, loaded beforehand: it starts when a byte comes on stdin, so that a test which kills it
 * again and again does not wait for the modules. Arguments: the configuration file.
 */
import { once } from "node:events";
import "#drivers/pn532/index";
import { runGateway } from "#src/run-gateway";

process.stdout.write("loaded\n");
await once(process.stdin, "data");
process.stdin.destroy();
process.exitCode = await runGateway({ configPath: process.argv[2] ?? "", env: process.env });
