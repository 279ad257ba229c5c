import type { Json, JsonObject } from "#src/lib/json";
import { DemoApp, type DemoCredential } from "./demo-app.js";
import { playGate } from "./demo-gate.js";
import { playLock } from "./demo-lock.js";
import { type DemoSite, until } from "./demo-site.js";

/** How the story meets its audience: a terminal with a person, or a script. */
export interface Stage {
  /** A new act. */
  act(title: string): void;
  /** Something was done and found right. */
  done(what: string): void;
  /** A live step of a job. */
  step(say: string): void;
  /** Somebody must put the card on the encoder now. Resolves when it lies there. */
  presentCard(): Promise<void>;
  /** The card may be taken away. */
  takeCard(): void;
}

const DAY_MS = 86_400_000;
const ATTEMPT_WITHIN_MS = 160_000;

/** A guest's card from the wish in the cloud to its end. Each act checks what the cloud says afterwards. */
export class DemoStory {
  readonly #site: DemoSite;
  readonly #stage: Stage;
  readonly #app: DemoApp;
  readonly #desk: DemoApp;
  #credentialId = "";

  constructor(site: DemoSite, stage: Stage) {
    this.#site = site;
    this.#stage = stage;
    this.#app = new DemoApp(site.cloud.endpoint, site.cloudApiKey);
    this.#desk = new DemoApp(site.gateway.endpoint, site.apiKey);
  }

  async play(): Promise<void> {
    await this.#issue();
    await this.#reissue();
    await this.#revoke();
    await playGate(this.#site, this.#stage, this.#app);
    await playLock(this.#site, this.#stage, this.#app);
  }

  async #issue(): Promise<void> {
    this.#stage.act("The cloud wants a card for a guest");
    const systems = await this.#app.call("/acs/systems/list");
    const [system] = systems["acs_systems"] as readonly { readonly acs_system_id: string }[];
    const { acs_user } = await this.#app.call("/acs/users/create", {
      acs_system_id: system?.acs_system_id,
      full_name: "Ada Lovelace",
    });
    const userId = idIn(acs_user, "acs_user_id");
    this.#stage.done("acs_user created in the cloud: Ada Lovelace");
    const [room, , pool] = this.#site.entranceIds;
    const { acs_credential } = await this.#app.call("/acs/credentials/create", {
      acs_user_id: userId,
      access_method: "card",
      allowed_acs_entrance_ids: [room, pool],
      ends_at: new Date(Date.now() + 3 * DAY_MS).toISOString(),
    });
    this.#credentialId = idIn(acs_credential, "acs_credential_id");
    this.#stage.done("acs_credential created in the cloud: room 101 and the pool, three days");
    await this.#reachesGateway("waiting_to_be_issued");
    this.#stage.done("it arrived at the gateway: waiting to be issued");
    await this.#expect(
      "the cloud shows waiting_to_be_issued",
      (it) => hasWarning(it, "waiting_to_be_issued") && !it.is_issued,
    );

    this.#stage.act("The desk encodes it");
    await this.#encode();
    await this.#expect("the cloud shows issued", (it) => it.is_issued && isClean(it));
    const { card_number: number } = await this.#app.credential(this.#credentialId);
    this.#stage.done(`the cloud says: issued, card number ${number ?? "?"}`);
    await this.#expectEvent("acs_credential.issued");
    await this.#readBack();
  }

  async #reissue(): Promise<void> {
    this.#stage.act("The guest stays a day longer");
    const endsAt = new Date(Date.now() + 4 * DAY_MS).toISOString();
    await this.#app.call("/acs/credentials/update", {
      acs_credential_id: this.#credentialId,
      ends_at: endsAt,
    });
    await this.#expect(
      "the cloud shows needs_to_be_reissued",
      (it) => hasWarning(it, "needs_to_be_reissued") && it.is_issued,
    );
    this.#stage.done(
      "end date changed: the card in the guest's hand is stale, the cloud says needs_to_be_reissued",
    );
    await this.#encode();
    await this.#expect("the cloud shows it in step again", (it) => it.is_issued && isClean(it));
    await this.#expectEvent("acs_credential.reissued");
    this.#stage.done("the cloud says: reissued");
  }

  async #revoke(): Promise<void> {
    this.#stage.act("The stay is over: revoked");
    this.#site.cloud.site.revoke(this.#credentialId);
    await this.#reachesGateway("invalidating");
    this.#stage.done(
      "revoked: the card is invalid at its end date, or put it on the encoder to erase it now",
    );
    const { action_attempt } = await this.#desk.call("/lockbridge/encoders/erase", {
      acs_encoder_id: this.#site.encoderId,
    });
    await this.#follow(this.#desk, action_attempt as JsonObject);
    await this.#expectEvent("acs_credential.invalidated");
    await this.#reachesGateway("invalidated");
    this.#stage.done("erased and read back: the cloud says invalidated");
  }

  /** The end of the unattended story: the object goes. */
  async delete(): Promise<void> {
    this.#stage.act("The record goes");
    await this.#app.call("/acs/credentials/delete", { acs_credential_id: this.#credentialId });
    await this.#expectEvent("acs_credential.deleted");
    const { status } = await this.#app.try("/acs/credentials/get", { acs_credential_id: this.#credentialId });
    if (status !== 404) throw new Error(`a deleted acs_credential answers ${status}, not 404`);
    await this.#reachesGateway("deleted");
    this.#stage.done("deleted: the cloud answers 404, the gateway has followed");
  }

  async #encode(): Promise<void> {
    const { action_attempt } = await this.#app.call("/acs/encoders/encode_credential", {
      acs_encoder_id: this.#site.encoderId,
      acs_credential_id: this.#credentialId,
    });
    await this.#follow(this.#app, action_attempt as JsonObject);
  }

  async #readBack(): Promise<void> {
    const { action_attempt } = await this.#app.call("/acs/encoders/scan_credential", {
      acs_encoder_id: this.#site.encoderId,
    });
    const attempt = await this.#follow(this.#app, action_attempt as JsonObject);
    const { acs_credential_on_encoder: card, warnings } = attempt["result"] as {
      readonly acs_credential_on_encoder: { readonly card_number: string; readonly ends_at: string } | null;
      readonly warnings: readonly unknown[];
    };
    const wanted = await this.#app.credential(this.#credentialId);
    if (card === null || card.card_number !== wanted.card_number || warnings.length > 0) {
      throw new Error(`the card does not say what the cloud says: ${JSON.stringify(attempt["result"])}`);
    }
    this.#stage.done(`read back from the card: number ${card.card_number}, valid until ${card.ends_at}`);
  }

  /** Follows an attempt to its end, with the live steps of the encoder. */
  async #follow(app: DemoApp, started: JsonObject): Promise<JsonObject> {
    const id = idIn(started, "action_attempt_id");
    const { jobs } = this.#site.gateway.engine;
    const presented: Promise<void>[] = [];
    const stopSteps = jobs.onProgress((job, { step, say }) => {
      if (job.id !== id) return;
      this.#stage.step(say);
      if (step === "waiting_for_card" && presented.length === 0) presented.push(this.#stage.presentCard());
    });
    try {
      let attempt: JsonObject = started;
      await until(
        `attempt ${id} ends`,
        async () => {
          attempt = (await app.call("/action_attempts/get", { action_attempt_id: id }))[
            "action_attempt"
          ] as JsonObject;
          return attempt["status"] !== "pending";
        },
        ATTEMPT_WITHIN_MS,
      );
      if (attempt["status"] !== "success")
        throw new Error(`the attempt failed: ${JSON.stringify(attempt["error"])}`);
      await Promise.all(presented);
      return attempt;
    } finally {
      stopSteps();
    }
  }

  async #expect(what: string, isRight: (credential: DemoCredential) => boolean): Promise<void> {
    await until(what, async () => isRight(await this.#app.credential(this.#credentialId)));
  }

  async #expectEvent(type: string): Promise<void> {
    await until(`the cloud tells ${type}`, async () =>
      (await this.#app.eventsOf(this.#credentialId)).includes(type),
    );
  }

  async #reachesGateway(state: string): Promise<void> {
    const { store } = this.#site.gateway.engine.deps;
    await until(
      `the gateway is at ${state}`,
      () => store.objects.get("acs_credential", this.#credentialId)?.record?.state === state,
    );
  }
}

function idIn(object: Json | undefined, name: string): string {
  const id = (object as JsonObject | undefined)?.[name];
  if (typeof id !== "string") throw new Error(`an answer without ${name}`);
  return id;
}

function hasWarning({ warnings }: DemoCredential, code: string): boolean {
  return warnings.some(({ warning_code }) => warning_code === code);
}

function isClean({
  warnings,
  is_latest_desired_state_synced_with_provider: isSynced,
}: DemoCredential): boolean {
  return warnings.length === 0 && isSynced;
}
