import type { ObjectKind } from "#src/domain/spec";

/** Which member of a document a desk change set, to a value that no other change sets. */
export type Field = "full_name" | "ends_at" | "state";

/** A change that was sent to the gateway's API. */
export interface DeskChange {
  readonly kind: ObjectKind;
  /** Unknown until a creation is answered. */
  id: string | null;
  readonly field: Field;
  readonly value: string;
  /** Sent and not answered: it may have been stored or not. */
  answer: "none" | "ok" | "refused";
}

/** Something the cloud took away, and the place of that in its feed. */
export interface CloudDenial {
  readonly id: string;
  readonly rev: number;
}

export interface KnownObject {
  readonly kind: ObjectKind;
  readonly id: string;
  /** Who changes it. Denials and encodings come from both sides. */
  readonly owner: "cloud" | "desk";
  isDenied: boolean;
}

/** What was asked for, and what of that was acknowledged: what the database must hold whatever happens to it. */
export class Wishes {
  readonly deskChanges: DeskChange[] = [];
  readonly denials: CloudDenial[] = [];
  readonly objects: KnownObject[] = [];
  /** PINs that were given out; none may be found in plain text. */
  readonly pins: string[] = [];
  /** Answers that no request of the story may get. */
  readonly faults: string[] = [];

  of(kind: ObjectKind, owner?: KnownObject["owner"]): readonly KnownObject[] {
    return this.objects.filter(
      (object) => object.kind === kind && !object.isDenied && (owner === undefined || object.owner === owner),
    );
  }

  deny(id: string): void {
    for (const object of this.objects) if (object.id === id) object.isDenied = true;
  }
}
