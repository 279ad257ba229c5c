import type { Driver } from "#driver-api";
import type { Subject } from "#test/conformance/bench";
import type { Capability } from "#test/conformance/rig";

/** One promise that every driver keeps. */
export interface Case {
  /** Stable; `exempt` in a rig names it. */
  readonly id: string;
  readonly promise: string;
  /** The case is for devices with this capability; null: for all. */
  readonly needs: Capability | null;
  /** `loadAnew` evaluates the driver's modules once more, as a process does that starts. */
  run(subject: Subject, loadAnew: () => Promise<Driver>): Promise<void>;
}
