import type { CliEdge } from "#src/cli/context";
import { runCli } from "#src/cli/program";

export interface Typed {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

const notAskedFor = () => Promise.reject(new Error("this test asks for nothing like it"));

/** The edge of a process that has a daemon's socket and nothing else. */
export function bareEdge(edge: Partial<CliEdge>): CliEdge {
  return {
    version: "1.2.3",
    streams: { out: () => undefined, error: () => undefined },
    socketPath: "",
    configPath: "",
    onInterrupt: () => () => undefined,
    ask: () => Promise.resolve(null),
    readSecretText: () => "",
    readText: () => "",
    checkConfig: notAskedFor,
    assertCanChange: notAskedFor,
    addDevice: notAskedFor,
    moveDevices: notAskedFor,
    runGateway: notAskedFor,
    runDemo: notAskedFor,
    ...edge,
  };
}

/** One command line, as somebody types it; what it says is kept, and `hear` gets it piece by piece. */
export async function typed(
  words: readonly string[],
  edge: Partial<CliEdge>,
  hear: (said: string) => void = () => undefined,
): Promise<Typed> {
  let [out, error] = ["", ""];
  const streams = {
    out: (said: string) => {
      out += said;
      hear(said);
    },
    error: (said: string) => {
      error += said;
      hear(said);
    },
  };
  const code = await runCli(words, bareEdge({ streams, ...edge }));
  return { code, out, error };
}
