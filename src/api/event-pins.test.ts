import { expect, test } from "vitest";
import { cloudModel } from "#src/sandbox/cloud/model";
import { CloudSite } from "#src/sandbox/cloud/site";
import { Secret } from "#src/lib/secret";
import { KeypadRig, LOCK } from "#test/support/keypad-rig";
import { VirtualClock } from "#test/support/virtual-clock";
import { gatewayModel } from "./gateway-model.js";
import type { Caller, EventsModel } from "./model.js";

const CODE = "11111111-0000-4000-8000-000000000001";
const TECHNICIAN: Caller = { name: "desk", role: "technician", seesPins: true };
const VIEWER: Caller = { name: "screen", role: "viewer", seesPins: false };

const SET = { types: ["access_code.set_on_device"], where: {}, limit: 9 };

function expectPinFor(events: EventsModel, pin: string): void {
  const [told] = events.list(SET, TECHNICIAN);
  expect(told).toMatchObject({ access_code_id: CODE, code: pin });
  const id = told?.["event_id"] as string;
  expect(events.get(id, TECHNICIAN)).toMatchObject({ code: pin });
  expect(events.get(id, VIEWER)).toMatchObject({ code: null });
  expect(events.list(SET, VIEWER)).toMatchObject([{ code: null }]);
}

test("the gateway's events on a code carry its PIN for those who may see PINs", async () => {
  const rig = await new KeypadRig().ready();
  rig.feedCode(CODE, "4711");
  await rig.settle();
  const { events } = gatewayModel(rig.engine, { isSandbox: false });
  expectPinFor(events, "4711");
  const [created] = events.list({ ...SET, types: ["access_code.created"] }, TECHNICIAN);
  expect(created).not.toHaveProperty("code");
});

test("so do the cloud's", () => {
  const site = new CloudSite({ siteId: CODE, gatewayId: "g", clock: new VirtualClock(0) });
  const spec = { access_code_id: CODE, device_id: LOCK.plain, state: "active" };
  site.put({ kind: "access_code", id: CODE, spec, code: new Secret("4711") });
  site.events.emit(
    "access_code.set_on_device",
    { device_id: LOCK.plain, access_code_id: CODE },
    { cause: "1", workspaceId: "w", connectedAccountId: "c", occurredAt: 1, createdAt: 1 },
  );
  expectPinFor(cloudModel(site).events, "4711");
});
