import type { CardSeen, ReadBack, ReadPlan, WritePlan } from "#driver-api";
import { SimulatedClassic } from "#drivers/reference/simulator";
import type { CardState } from "#src/cards/card-state";
import { interpret, readPlan } from "#src/cards/plan";
import type { LaidProfile } from "#src/cards/profile";
import type { SiteKeys } from "#src/cards/site-keys";
import { toHex } from "#src/lib/hex";

export const PROFILE: LaidProfile = {
  key: "classic",
  format: "lockbridge48",
  container: "classic",
  sector: 1,
};

type ClassicStep = Extract<WritePlan, { container: "classic" }>["steps"][number];

/** A card of plastic: memory, keys, access rules. What lies on it is read as a lock reads it. */
export class PhysicalCard {
  readonly seen: CardSeen;
  readonly #card: SimulatedClassic;
  #state: CardState | null = null;

  constructor(uid: Uint8Array) {
    this.#card = new SimulatedClassic(Buffer.from(uid));
    this.seen = { uid: toHex(uid), technology: "mifare_classic_1k" };
  }

  read(plan: ReadPlan): ReadBack {
    if (plan.container !== "classic") return { container: "classic", opened: null, blocks: new Map() };
    for (const { name, slot, key } of plan.keys) {
      const answers = plan.blocks.map((block) => this.#card.read(block, slot, Buffer.from(key.reveal())));
      if (answers[0] === "wrong_key") continue;
      const readable = plan.blocks.flatMap((block, n): [number, Uint8Array][] => {
        const answer = answers[n];
        return answer === undefined || typeof answer === "string" ? [] : [[block, new Uint8Array(answer)]];
      });
      return { container: "classic", opened: name, blocks: new Map(readable) };
    }
    return { container: "classic", opened: null, blocks: new Map() };
  }

  /** False when the card does not take it. */
  write({ block, data, key }: ClassicStep): boolean {
    this.#state = null;
    const answer = this.#card.write(
      block,
      key.slot,
      Buffer.from(key.key.reveal()),
      Buffer.from(data.reveal()),
    );
    return typeof answer !== "string";
  }

  state(keySets: readonly SiteKeys[]): CardState {
    this.#state ??= interpret(PROFILE, this.seen, keySets, this.read(readPlan(PROFILE, this.seen, keySets)));
    return this.#state;
  }
}
