import type { Interface } from "node:readline";
import type { JsonObject } from "#src/lib/json";
import { DemoApp } from "./demo-app.js";
import { deviceNamed } from "./demo-gate.js";
import type { DemoSite } from "./demo-site.js";

const VALID = "2468";
const EARLY = "1357";
const SHORT = "8642";
const HOUR_MS = 3_600_000;
const SHORT_MS = 2 * 60_000;
const EVENTS_MAX = 100;

/**
 * The person at the terminal stands before the gate: digits and Enter are typed at its keypad. What happens at any
 * door is said here, whoever caused it.
 */
export async function standAtGate(
  site: DemoSite,
  terminal: Interface,
  say: (line: string) => void,
): Promise<void> {
  const app = new DemoApp(site.cloud.endpoint, site.cloudApiKey);
  const device_id = await deviceNamed(app, "Gate");
  const at = (ms: number) => new Date(Date.now() + ms).toISOString();
  for (const [code, name, times] of [
    [VALID, "Ada", {}],
    [EARLY, "Bob", { starts_at: at(HOUR_MS), ends_at: at(2 * HOUR_MS) }],
    [SHORT, "Eve", { ends_at: at(SHORT_MS) }],
  ] as const) {
    await app.call("/access_codes/create", { device_id, code, name, ...times });
  }
  tellOfDoors(site, say);
  say("\nYou stand before the gate, which has a keypad. Type a PIN and Enter:");
  say(`  ${VALID} opens (Ada's), ${EARLY} opens in an hour (Bob's), ${SHORT} for two minutes more (Eve's).`);
  say("  Any other is nobody's; five of those in a row, and the keypad takes none for a while.");
  terminal.on("line", (line) => {
    const keys = line.trim();
    if (/^\d{1,12}$/.test(keys)) site.hardware.gate.pressKeys(`${keys}#`);
    else if (keys !== "") say("  The keypad has digits only.");
  });
}

/** One line for each time that a door opened, was locked, or stayed shut. */
function tellOfDoors({ gateway: { engine } }: DemoSite, say: (line: string) => void): void {
  const { store, inventory } = engine.deps;
  let place = store.events.lastSeq();
  engine.onEvents(() => {
    for (const { seq, event } of store.events.after(place, EVENTS_MAX)) {
      place = seq;
      const name = inventory.locks.find(({ id }) => id === event["device_id"])?.name;
      const words = wordsOf(event);
      if (name !== undefined && words !== null) say(`  ${name}: ${words}`);
    }
  });
}

function wordsOf(event: JsonObject): string | null {
  switch (event["event_type"]) {
    case "lock.unlocked":
      return "opens.";
    case "lock.locked":
      return "is locked.";
    case "lock.access_denied": {
      const { message } = event["reason"] as { readonly message: string };
      return `stays shut. ${message}`;
    }
    default:
      return null;
  }
}
