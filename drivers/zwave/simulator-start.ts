import { Driver } from "zwave-js";

let isDone = false;

/**
 * At each start the library listens a second for a stick that has only a bootloader. The mock has none, and tests start the
 * library dozens of times: from here on it does not, in this process. It keeps to that only where NODE_ENV is "test".
 */
export function startAtOnce(): void {
  if (isDone) return;
  isDone = true;
  const { prototype } = Driver;
  const start = Reflect.get(prototype, "start");
  prototype.start = function (this: Driver) {
    Object.assign(this.options, { testingHooks: { skipFirmwareIdentification: true } });
    return start.call(this);
  };
}
