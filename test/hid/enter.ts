import { HidWorld } from "./world.js";

export type Scenario = (world: HidWorld) => Promise<void>;

/** The other end of `runInHidWorld`: runs the one scenario that was asked for and ends the process. */
export async function playScenario(scenarios: Readonly<Record<string, Scenario>>): Promise<void> {
  const [name = "", socket = ""] = process.argv.slice(2);
  const scenario = scenarios[name];
  if (scenario === undefined) throw new Error(`there is no scenario "${name}"`);
  const world = await HidWorld.enter(socket);
  try {
    await scenario(world);
    process.exitCode = 0;
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  }
  process.exit();
}
