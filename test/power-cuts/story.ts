import type { SeamModel } from "#src/api/model";
import { Secret } from "#src/lib/secret";
import { cloudModel } from "#src/sandbox/cloud/model";
import { DemoApp } from "#src/sandbox/demo-app";
import type { Dice } from "#test/support/card-world";
import type { WitnessedCard } from "./witnessed-card.js";
import { type DeskChange, Wishes } from "./wishes.js";
import type { World } from "./world.js";

/** A credential whose last write has an unknown outcome, and the card that may carry it. */
export interface Doubt {
  readonly credentialId: string;
  readonly uid: string;
}

const APP = { name: "app", role: "admin", seesPins: true } as const;
const CREDENTIALS_MIN = 6;
const CREDENTIALS_MAX = 14;
const DESK_PAUSE_MAX_MS = 300;
const DAY_MS = 86_400_000;

/** What people, apps and the cloud do, by the dice. Nothing here waits for what the gateway makes of it. */
export class Story {
  readonly wishes = new Wishes();
  readonly #world: World;
  readonly #dice: Dice;
  readonly #cloud: SeamModel;
  #desk: DemoApp | null = null;
  #count = 0;
  readonly #pending = new Set<Promise<void>>();

  constructor(world: World, dice: Dice) {
    this.#world = world;
    this.#dice = dice;
    this.#cloud = cloudModel(world.cloud.site);
  }

  /** The gateway's API answers here from now on. */
  openDesk(endpoint: string): void {
    this.#desk = new DemoApp(endpoint, this.#world.deskKey);
  }

  /** Resolves when every request was answered or has failed. */
  async settled(): Promise<void> {
    await Promise.all(this.#pending);
  }

  /** Is nothing on its way any more between gateway, encoder and cloud? */
  async isQuiet(): Promise<boolean> {
    const { site } = this.#world.cloud;
    const answer = await this.#desk?.call("/lockbridge/status");
    const status = answer?.["status"] as
      | {
          readonly cloud: {
            readonly ackedSeq: number;
            readonly lastSeq: number;
            readonly cursor: { readonly rev: number } | null;
          };
          readonly encoders: readonly { readonly jobs: number }[];
        }
      | undefined;
    if (status === undefined) return false;
    const { ackedSeq, lastSeq, cursor } = status.cloud;
    const isTold = ackedSeq === lastSeq && (cursor?.rev ?? 0) === site.feed.head;
    const isIdle = status.encoders.every(({ jobs }) => jobs === 0);
    return isTold && isIdle && site.commands.list().every((attempt) => attempt.status !== "pending");
  }

  // ── In the cloud ─────────────────────────────────────────────────────────────────────────────────────────────

  cloudAct(): void {
    const mine = this.wishes.of("acs_credential", "cloud");
    const chance = this.#dice(10);
    if (mine.length < CREDENTIALS_MIN) this.#createInCloud();
    else if (mine.length > CREDENTIALS_MAX || chance < 2) this.#denyInCloud();
    else if (chance < 5) this.#createInCloud();
    else this.#updateInCloud();
  }

  #createInCloud(): void {
    const { pin, entranceId, endsAt } = this.#newCredential();
    const credential = this.#cloud.credentials.create(
      {
        accessMethod: "card",
        systemId: this.#world.ids.system,
        entranceIds: [entranceId],
        code: new Secret(pin),
        endsAt: Date.parse(endsAt),
        isOneTimeUse: false,
        isMultiPhoneSync: false,
        brandMetadata: [],
      },
      APP,
    );
    const id = idIn(credential, "acs_credential_id");
    this.wishes.objects.push({ kind: "acs_credential", id, owner: "cloud", isDenied: false });
  }

  #updateInCloud(): void {
    const object = this.#pick(this.wishes.of("acs_credential", "cloud"));
    if (object === undefined) return;
    this.#cloud.credentials.update(object.id, { endsAt: Date.parse(this.#newEnd()) }, APP);
  }

  #denyInCloud(): void {
    const object = this.#pick(this.wishes.of("acs_credential"));
    const { site } = this.#world.cloud;
    if (object === undefined || site.feed.get("acs_credential", object.id) === undefined) return;
    if (this.#dice(3) === 0) site.delete("acs_credential", object.id);
    else site.revoke(object.id);
    this.wishes.deny(object.id);
    this.wishes.denials.push({ id: object.id, rev: site.feed.head });
  }

  // ── At the desk ──────────────────────────────────────────────────────────────────────────────────────────────

  /** One change after the other, until told to stop. */
  keepDeskBusy(): () => void {
    let timer: NodeJS.Timeout | undefined;
    const act = (): void => {
      this.#deskAct();
      timer = setTimeout(act, this.#dice(DESK_PAUSE_MAX_MS));
    };
    act();
    return () => clearTimeout(timer);
  }

  #deskAct(): void {
    const chance = this.#dice(10);
    const isFull = this.wishes.of("acs_credential", "desk").length > CREDENTIALS_MAX;
    if (chance < 1) this.#createUser();
    else if (chance < 4) this.#renameUser();
    else if (isFull || chance === 9) this.#revokeAtDesk();
    else if (chance < 6) this.#createAtDesk();
    else this.#updateAtDesk();
  }

  #createUser(): void {
    const change = this.#change("acs_user", null, "full_name", `Guest ${++this.#count}`);
    const input = { acs_system_id: this.#world.ids.system, full_name: change.value };
    this.#send("/acs/users/create", input, change, "acs_user");
  }

  #renameUser(): void {
    const object = this.#pick(this.wishes.of("acs_user", "desk"));
    if (object === undefined) return;
    const change = this.#change("acs_user", object.id, "full_name", `Guest ${++this.#count}`);
    this.#send("/acs/users/update", { acs_user_id: object.id, full_name: change.value }, change);
  }

  #createAtDesk(): void {
    const { pin, entranceId, endsAt } = this.#newCredential();
    const change = this.#change("acs_credential", null, "ends_at", endsAt);
    const input = {
      acs_system_id: this.#world.ids.system,
      access_method: "card",
      code: pin,
      allowed_acs_entrance_ids: [entranceId],
      ends_at: endsAt,
    };
    this.#send("/acs/credentials/create", input, change, "acs_credential");
  }

  #updateAtDesk(): void {
    const object = this.#pick(this.wishes.of("acs_credential", "desk"));
    if (object === undefined) return;
    const change = this.#change("acs_credential", object.id, "ends_at", this.#newEnd());
    this.#send("/acs/credentials/update", { acs_credential_id: object.id, ends_at: change.value }, change);
  }

  #revokeAtDesk(): void {
    const object = this.#pick(this.wishes.of("acs_credential"));
    if (object === undefined || this.wishes.of("acs_credential").length < CREDENTIALS_MIN) return;
    // Whether it gets there or not, the story takes no more interest in it.
    this.wishes.deny(object.id);
    const change = this.#change("acs_credential", object.id, "state", "revoked");
    this.#send("/lockbridge/credentials/revoke", { acs_credential_id: object.id }, change);
  }

  #change(
    kind: DeskChange["kind"],
    id: string | null,
    field: DeskChange["field"],
    value: string,
  ): DeskChange {
    const change: DeskChange = { kind, id, field, value, answer: "none" };
    this.wishes.deskChanges.push(change);
    return change;
  }

  #send(path: string, input: object, change: DeskChange, creates?: "acs_user" | "acs_credential"): void {
    this.#ask(path, input, ({ status, body }) => {
      change.answer = status === 200 ? "ok" : "refused";
      if (status !== 200 || creates === undefined) return;
      change.id = idIn(body[creates], `${creates}_id`);
      this.wishes.objects.push({ kind: creates, id: change.id, owner: "desk", isDenied: false });
    });
  }

  // ── At the encoder ───────────────────────────────────────────────────────────────────────────────────────────

  /** Puts a card on the encoder and has something done with it. */
  cardAct(doubts: readonly Doubt[]): void {
    const doubt = this.#pick(doubts);
    if (doubt !== undefined && this.#dice(2) === 0) {
      this.#lay(this.#world.card(doubt.uid));
      if (this.#dice(4) === 0) this.#atDesk("/acs/encoders/scan_credential");
      else this.#encode(doubt.credentialId);
      return;
    }
    const chance = this.#dice(10);
    const { cards } = this.#world;
    if (chance < 1) {
      this.#lay(this.#pick(cards));
      this.#atDesk("/acs/encoders/scan_credential");
    } else if (chance < 3) {
      this.#lay(this.#pick(cards));
      this.#atDesk("/lockbridge/encoders/erase");
    } else {
      // A card that opens something for somebody is refused at times, and that is right; free ones make more work.
      const free = cards.filter((card) => card.record().is !== "ours");
      this.#lay(this.#pick(this.#dice(3) === 0 || free.length === 0 ? cards : free));
      this.#encode(this.#pick(this.wishes.of("acs_credential"))?.id);
    }
  }

  /** One more for the card that lies there, waiting for the encoder. */
  nextCardAct(): void {
    this.#encode(this.#pick(this.wishes.of("acs_credential"))?.id);
  }

  scan(card: WitnessedCard): void {
    this.#lay(card);
    this.#atDesk("/acs/encoders/scan_credential");
  }

  #lay(card: WitnessedCard | undefined): void {
    if (card !== undefined) this.#world.lay(card);
  }

  #encode(credentialId: string | undefined): void {
    const { cloud, ids } = this.#world;
    if (credentialId === undefined) return;
    const isKnownInCloud = cloud.site.feed.get("acs_credential", credentialId) !== undefined;
    if (isKnownInCloud && this.#dice(2) === 0)
      cloud.site.command("encode", ids.encoder, credentialId, "story");
    else {
      this.#atDesk("/lockbridge/encoders/encode_credential", {
        acs_credential_id: credentialId,
        overwrite: this.#dice(3) > 0,
      });
    }
  }

  #atDesk(path: string, input: object = {}): void {
    this.#ask(path, { acs_encoder_id: this.#world.ids.encoder, ...input }, () => undefined);
  }

  // ── Requests ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** A request whose answer may never come. One that comes must be an answer, not a failure of the gateway. */
  #ask(path: string, input: object, answered: (answer: Awaited<ReturnType<DemoApp["try"]>>) => void): void {
    const desk = this.#desk;
    if (desk === null) return;
    const asked = desk.try(path, input).then(
      (answer) => {
        if (answer.status >= 500) this.wishes.faults.push(`${path}: ${JSON.stringify(answer)}`);
        answered(answer);
      },
      () => undefined,
    );
    this.#pending.add(asked);
    void asked.finally(() => this.#pending.delete(asked));
  }

  #newCredential() {
    const pin = String(100_000_000_000 + this.#dice(900_000_000) * 1_000 + ++this.#count);
    this.wishes.pins.push(pin);
    return { pin, entranceId: this.#pick(this.#world.ids.entrances) ?? "", endsAt: this.#newEnd() };
  }

  /** No two are the same. */
  #newEnd(): string {
    const whole = Math.floor(Date.now() / DAY_MS) + 10;
    return new Date(whole * DAY_MS + ++this.#count * 1_000).toISOString();
  }

  #pick<T>(from: readonly T[]): T | undefined {
    return from[this.#dice(from.length)];
  }
}

function idIn(object: unknown, name: string): string {
  const id = (object as Record<string, unknown> | undefined)?.[name];
  if (typeof id !== "string") throw new Error(`an answer without ${name}`);
  return id;
}
