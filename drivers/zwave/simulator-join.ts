import { Security2CCKEXFail, Security2CCKEXReport, Security2CCPublicKeyReport } from "@zwave-js/cc";
import { RequestNodeInfoRequest, RequestNodeInfoResponse } from "@zwave-js/serial/serialapi";
import {
  createMockZWaveRequestFrame,
  type MockControllerBehavior,
  type MockNodeBehavior,
} from "@zwave-js/testing";
import type { Clock } from "#src/lib/deadline";

/** Real locks take ten seconds; a nonce is waited for one second. */
const AGAIN_MS = 1_500;
/** For so long somebody may look for the label. */
const TIMES = 160;

/**
 * A lock that joins says again and again that it has the key, until the other side confirms it. The mock says it once, and
 * nobody enters a PIN that fast; after a wrong PIN the library also overhears the first time of the next lock.
 */
export function sayKeyAgain(clock: Clock): MockNodeBehavior {
  let cancel: (() => void) | null = null;
  let times = 0;
  const stop = (): void => {
    cancel?.();
    cancel = null;
  };
  return {
    handleCC(_controller, node, cc) {
      if (cc instanceof Security2CCKEXReport || cc instanceof Security2CCKEXFail) stop();
      if (!(cc instanceof Security2CCPublicKeyReport) || !cc.includingNode || times >= TIMES)
        return undefined;
      times += 1;
      stop();
      cancel = clock.startTimer(AGAIN_MS, () => {
        void node
          .onControllerFrame({ ...createMockZWaveRequestFrame(cc), payload: cc })
          .catch(() => undefined);
      });
      return undefined;
    },
  };
}

/** Locks that are there, and whom the stick cannot ask what they are. */
export function hideThemselves(isHidden: (nodeId: number) => boolean): MockControllerBehavior {
  return {
    async onHostMessage(controller, message) {
      if (!(message instanceof RequestNodeInfoRequest) || !isHidden(message.getNodeId() ?? 0)) return false;
      await controller.sendMessageToHost(new RequestNodeInfoResponse({ wasSent: false }));
      return true;
    },
  };
}
