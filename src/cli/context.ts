import { DaemonClient } from "./daemon-client.js";
import { Output, type Streams } from "./output.js";

/** What the process gives the command line. Everything that is not a call to the daemon comes in here. */
export interface CliEdge {
  readonly version: string;
  readonly streams: Streams;
  readonly socketPath: string;
  readonly configPath: string;
  /** Calls `listener` at every Ctrl-C until the returned function is called. */
  readonly onInterrupt: (listener: () => void) => () => void;
  /** What a person types in answer to `question`; null: nobody is at a terminal, or `signal` has aborted. */
  readonly ask: (question: string, signal: AbortSignal) => Promise<string | null>;
  /** Text of a file that only its owner may read, or of the standard input for `-`. Throws with a sentence. */
  readonly readSecretText: (path: string) => string;
  /** Text of any file, or of the standard input for `-`. Throws with a sentence. */
  readonly readText: (path: string) => string;
  readonly checkConfig: (path: string) => Promise<CheckedConfig>;
  /** Throws `CliError` when the configuration file cannot be changed, or has a device `key` although it is new, or has none. */
  readonly assertCanChange: (path: string, device: { key: string; isNew: boolean }) => Promise<void>;
  /** Writes a device into a configuration file; throws `CliError`, and then the file is as it was. */
  readonly addDevice: (path: string, device: DeviceToAdd) => Promise<AddedToConfig>;
  /** Gives devices of a configuration file, by their keys, other ports; throws as `addDevice`. */
  readonly moveDevices: (path: string, ports: Ports) => Promise<void>;
  /** Runs until it is told to stop; gives the exit code. */
  readonly runGateway: (options: { readonly configPath: string }) => Promise<number>;
  readonly runDemo: (options: DemoOptions) => Promise<number>;
}

export interface DemoOptions {
  readonly once: boolean;
  readonly json: boolean;
  /** Of the local API; 0 takes any free one. */
  readonly port: number | undefined;
  /** Driver of the encoder; without it pn532. */
  readonly encoder: string | undefined;
}

export interface DeviceToAdd {
  readonly key: string;
  readonly driver: string;
  readonly port: string;
  /** Unit that makes cards, and for which system; null for a device that makes none. */
  readonly encoder: { readonly unit: string; readonly system: string | undefined } | null;
  /** Other devices that get another name for the port they have. */
  readonly ports: Ports;
}

/** Key of a device → its port. */
export type Ports = Readonly<Record<string, string>>;

export interface AddedToConfig {
  readonly path: string;
  /** System for which an encoder was added, or null. */
  readonly encoderOf: string | null;
}

export interface ConfigProblem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly suggestion?: string;
}

export interface CheckedConfig {
  readonly problems: readonly ConfigProblem[];
  /** Not wrong, but not checked either. */
  readonly notes: readonly ConfigProblem[];
}

/** What one command works with. */
export interface CliContext {
  readonly edge: CliEdge;
  readonly client: DaemonClient;
  readonly output: Output;
  readonly onInterrupt: CliEdge["onInterrupt"];
}

export interface GlobalOptions {
  readonly json?: boolean;
  readonly socket: string;
}

export function contextOf(edge: CliEdge, options: GlobalOptions): CliContext {
  return {
    edge,
    client: new DaemonClient(options.socket),
    output: new Output(edge.streams, options.json === true),
    onInterrupt: edge.onInterrupt,
  };
}
