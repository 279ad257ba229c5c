import { randomBytes } from "node:crypto";
import { onTestFinished } from "vitest";
import type { Caller, SeamModel, Simulation } from "#src/api/model";
import { gatewayModel } from "#src/api/gateway-model";
import { GatewaySimulation } from "#src/api/gateway-simulation";
import { enginePort } from "#src/cloud/engine-port";
import { type CloudLink, createCloudLink } from "#src/cloud/link";
import { simulatedActionType } from "#src/engine/action-types";
import { cloudModel } from "#src/sandbox/cloud/model";
import { CloudSite } from "#src/sandbox/cloud/site";
import { silentLog } from "./memory-gateway.js";
import { KeypadRig } from "./keypad-rig.js";
import { MemoryCarrier } from "./memory-carrier.js";

export const APP: Caller = { name: "app", role: "admin", seesPins: true };

/** A rig of keypad locks whose gateway is linked to a stand-in cloud, over a way that loses nothing. */
export class CloudedRig extends KeypadRig {
  readonly site: CloudSite;
  readonly cloud: SeamModel;
  #link: CloudLink | null = null;

  constructor() {
    super({ offline: { ms: 72 * 3_600_000, keys: 200 } });
    this.site = new CloudSite({
      siteId: "6f1c2c1e-8f1e-4c0e-9d5c-0a3f6f6a2b10",
      gatewayId: "g",
      clock: this.clock,
    });
    this.cloud = cloudModel(this.site);
  }

  /** The gateway's own API. */
  get desk(): SeamModel {
    return gatewayModel(this.engine, { isSandbox: false });
  }

  override async ready(): Promise<this> {
    await super.ready();
    await this.connect();
    return this;
  }

  /** The line to the cloud is there from now on. */
  async connect(): Promise<void> {
    const { store, time } = this.engine.deps;
    const simulation = new GatewaySimulation(this.engine, this.#hardware());
    this.#link = createCloudLink({
      gateway: "g",
      sw: "1",
      carrier: new MemoryCarrier(this.site, this.clock),
      store,
      engine: enginePort(
        this.engine,
        () => undefined,
        (order, code, commandId) => {
          const actionType = simulatedActionType(order);
          simulation.start(order, code, { actionType, cause: { cmd: commandId }, commandId });
        },
      ),
      clock: this.clock,
      time,
      random: (size) => new Uint8Array(randomBytes(size)),
      log: silentLog,
    });
    const link = this.#link;
    onTestFinished(() => link.stop());
    link.start();
    await this.settle();
  }

  /** The rig's own locks, with fingers on them. */
  #hardware(): Simulation {
    const keyOf = (unit: string) => unit.split("/")[1] ?? "";
    const notHere = () => {
      throw new Error("this rig simulates locks");
    };
    return {
      cardKinds: [],
      putCard: notHere,
      takeCard: notHere,
      putForeignCard: notHere,
      putRestlessCard: notHere,
      setGarbled: notHere,
      setCodeAtLock: notHere,
      enterCode: (unit, code) => this.simulator.useCode(keyOf(unit), code.reveal()),
      lockByHand: (unit) => this.simulator.lockByHand(keyOf(unit)),
      befall: notHere,
      setConnected: notHere,
    };
  }

  /** What is changed from now on travels when it is connected again. */
  async disconnect(): Promise<void> {
    await this.#link?.stop();
    this.#link = null;
  }
}
