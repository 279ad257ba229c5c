import { rmSync } from "node:fs";
import { createInterface, type Interface } from "node:readline";
import { CliError, EXIT } from "#src/cli/exit-codes";
import { untilSignal } from "#src/run-gateway";
import { standAtGate } from "./demo-keypad.js";
import { type DemoSite, type DemoSiteOptions, startDemoSite } from "./demo-site.js";
import { DemoStory, type Stage } from "./demo-story.js";
import { deskEncoderNamed } from "./desk-encoders.js";

export interface DemoOptions {
  /** Plays the whole story unattended, then ends. */
  readonly once: boolean;
  /** Plays nothing: prints one line of JSON when the site is ready, and stays up. */
  readonly json: boolean;
  /** Of the gateway's API; 0 takes any free one. */
  readonly port: number | undefined;
  /** Driver of the encoder; without it pn532. */
  readonly encoder: string | undefined;
}

const DEFAULT_PORT = 8480;

/** A simulated site to play with. Answers the exit code. */
export async function runDemo(
  { once, json, port, encoder = "pn532" }: DemoOptions,
  parts: Pick<DemoSiteOptions, "hostProgram"> = {},
): Promise<number> {
  const named = deskEncoderNamed(encoder);
  if (!named.ok) throw new CliError(EXIT.refused, "demo.no_such_encoder", named.message);
  const ended = untilSignal();
  const site = await startDemoSite({
    port: port ?? (once ? 0 : DEFAULT_PORT),
    encoder: named.name,
    hasRadio: true,
    ...parts,
    onFatal(error) {
      process.stderr.write(`${error.message}\n`);
      process.exit(1);
    },
  }).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CliError(EXIT.failed, "demo.not_started", `The demo could not start: ${reason}.`);
  });
  try {
    if (json) return await stayUp(site, ended);
    return once ? await playOnce(site, ended) : await playAlong(site, ended);
  } finally {
    await site.stop();
    if (once) rmSync(site.stateDir, { recursive: true, force: true });
  }
}

async function stayUp(site: DemoSite, ended: Promise<void>): Promise<number> {
  const line = {
    endpoint: site.gateway.endpoint,
    api_key: site.apiKey,
    socket: site.socket,
    cloud_endpoint: site.cloud.endpoint,
    cloud_api_key: site.cloudApiKey,
    mqtt_url: site.mqttUrl,
    state_dir: site.stateDir,
    pid: process.pid,
  };
  process.stdout.write(`${JSON.stringify(line)}\n`);
  await ended;
  return 0;
}

async function playOnce(site: DemoSite, ended: Promise<void>): Promise<number> {
  const bring = hand(site);
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const story = new DemoStory(site, {
    act: (title) => say(`--   ${title}`),
    done: (what) => say(`ok   ${what}`),
    step: (text) => say(`     ${text}`),
    presentCard() {
      bring();
      return Promise.resolve();
    },
    takeCard: () => site.hardware.desk.take(),
  });
  const played = story.play().then(() => story.delete());
  const outcome = await Promise.race([
    played.then(() => "right" as const),
    ended.then(() => "stopped" as const),
  ]).catch((error: unknown) => (error instanceof Error ? error : new Error(String(error))));
  if (outcome === "right") {
    say("ok   the whole story was right");
    return 0;
  }
  played.catch(() => undefined);
  say(outcome === "stopped" ? "FAILED: stopped before the end" : `FAILED: ${outcome.message}`);
  return 1;
}

async function playAlong(site: DemoSite, ended: Promise<void>): Promise<number> {
  const terminal = createInterface({ input: process.stdin });
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  say(
    `A simulated site is up: one ${site.hardware.desk.title} encoder, a stand-in cloud, and the gateway, which talk over MQTT.`,
  );
  say(`Everything it writes lies in ${site.stateDir}.`);
  const story = new DemoStory(site, stageFor(site, terminal, say));
  const played = story.play().then(async () => {
    sayWhatNext(site, say);
    await standAtGate(site, terminal, say);
  });
  try {
    await Promise.race([played, ended]);
  } catch (error) {
    say(`It went wrong: ${error instanceof Error ? error.message : String(error)}`);
    say("The site stays up; Ctrl-C ends it.");
  }
  await ended;
  played.catch(() => undefined);
  terminal.close();
  return 0;
}

function stageFor(site: DemoSite, terminal: Interface, say: (line: string) => void): Stage {
  const { desk } = site.hardware;
  const put = hand(site);
  return {
    act: (title) => say(`\n${title}`),
    done: (what) => say(`  * ${what}`),
    step: (text) => say(`      ${text}`),
    presentCard() {
      desk.take();
      say("  > Press Enter to put the card on the encoder, or from another terminal:");
      say(`    ${cli(site)} simulate card --encoder front-desk --put ${desk.cardKinds[0] ?? ""}`);
      terminal.once("line", put);
      const { engine } = site.gateway;
      return new Promise((resolve) => {
        const stop = engine.jobs.onProgress((_, { step }) => {
          if (step !== "card_seen") return;
          terminal.off("line", put);
          stop();
          resolve();
        });
      });
    },
    takeCard: () => site.hardware.desk.take(),
  };
}

/** Brings one card, the first time a new one and the same one ever after. */
function hand({ hardware: { desk } }: DemoSite): () => void {
  let card: string | undefined;
  return () => {
    card = card === undefined ? desk.put(desk.cardKinds[0] ?? "") : desk.putAgain(card);
  };
}

function cli(site: DemoSite): string {
  return `npx lockbridge --socket ${site.socket}`;
}

function sayWhatNext(site: DemoSite, say: (line: string) => void): void {
  say("\nThat was the whole life of a card, and of a PIN. The site stays up; Ctrl-C ends it. Try next:");
  say(`  ${cli(site)} devices`);
  say(`  ${cli(site)} credentials list`);
  say(`  ${cli(site)} simulate card --encoder front-desk --put ${site.hardware.desk.cardKinds.at(-1) ?? ""}`);
  say(`  ${cli(site)} scan --encoder front-desk`);
  say(`  echo 2468 | ${cli(site)} simulate keys Gate --code -`);
  say(`  mosquitto_sub -v -L '${site.mqttUrl}/lockbridge/#'`);
  say(`  The seam SDK: new Seam({ apiKey: "${site.apiKey}", endpoint: "${site.gateway.endpoint}" })`);
  say(`  The cloud:    new Seam({ apiKey: "${site.cloudApiKey}", endpoint: "${site.cloud.endpoint}" })`);
}
