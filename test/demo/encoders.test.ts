import { expect, test, vi } from "vitest";
import { drivers } from "#drivers/index";
import { DESK_ENCODERS, deskEncoderNamed } from "#src/sandbox/desk-encoders";
import { runDemo } from "#src/sandbox/demo";
import { sourceProgram } from "#test/hosts/programs";

/** The whole story of the demo, from the cloud's wish to the erased card, at each encoder that can be chosen. */
test.each(DESK_ENCODERS)("the story is right at %s", { timeout: 120_000 }, async (encoder) => {
  const said: string[] = [];
  const listening = vi.spyOn(process.stdout, "write").mockImplementation((text) => {
    said.push(String(text));
    return true;
  });
  const hostProgram = sourceProgram("src/hosted-driver.ts");
  const code = await runDemo({ once: true, json: false, port: undefined, encoder }, { hostProgram });
  listening.mockRestore();
  expect(code, said.join("")).toBe(0);
  expect(said.at(-1)).toBe("ok   the whole story was right\n");
});

test("every other driver is refused with the reason, and a name that is none with what there is", async () => {
  const others = Object.keys(drivers).filter((name) => !DESK_ENCODERS.some((known) => known === name));
  expect(others.length).toBeGreaterThan(0);
  for (const name of others) {
    const chosen = deskEncoderNamed(name);
    expect([name, chosen.ok ? "" : chosen.message]).toEqual([
      name,
      expect.stringMatching(/: its? .*Possible: pn532, twn4, ufr, msr605\.$/),
    ]);
  }
  await expect(runDemo({ once: true, json: false, port: undefined, encoder: "acr122" })).rejects.toThrow(
    'The demo has no encoder "acr122". Possible: pn532, twn4, ufr, msr605.',
  );
});
