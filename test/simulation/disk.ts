import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Secret } from "#src/lib/secret";
import type { Store } from "#src/engine/ports";
import { openStore } from "#src/store/store";
import { Chance } from "./chance.js";

const MEMORY = "/dev/shm";
const sealingKey = new Secret(new Uint8Array(32).fill(7));

/**
 * The site's disk, in memory where the machine has such a place: that what is committed survives a power cut is proved
 * elsewhere (test/power-cuts), here it is given. A crash leaves the files as they are at that instant, the log beside
 * the database, and the next run opens a copy of them; so the dead process can do no harm to what it left.
 */
export class Disk {
  readonly #directory: string;
  #number = 0;

  constructor(template: string) {
    this.#directory = mkdtempSync(join(existsSync(MEMORY) ? MEMORY : tmpdir(), "lockbridge-history-"));
    copyFileSync(template, this.path);
  }

  get path(): string {
    return join(this.#directory, `${this.#number}.db`);
  }

  open(): Store {
    return openAt(this.path, 100 + this.#number);
  }

  /** The process died now: what follows is written to nowhere. */
  fork(): void {
    const before = this.path;
    this.#number += 1;
    copyFileSync(before, this.path);
    if (existsSync(`${before}-wal`)) copyFileSync(`${before}-wal`, `${this.path}-wal`);
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function openAt(path: string, seed: number): Store {
  const chance = new Chance(seed);
  return openStore({
    path,
    sealingKey,
    random: (size) => chance.bytes(size),
    onFatal: (error) => {
      throw error;
    },
  });
}

let template: string | null = null;

/** A store with its card keys, made once a process. */
export function templateStore(): string {
  if (template !== null) return template;
  const directory = mkdtempSync(join(tmpdir(), "lockbridge-template-"));
  process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
  template = join(directory, "store.db");
  const store = openAt(template, 1);
  store.keySets.add({
    version: 1,
    issuer: new Secret(Uint8Array.of(1, 2, 3, 4)),
    cardMaster: new Secret(new Uint8Array(16).fill(9)),
    createdAt: 0,
  });
  store.close();
  return template;
}
