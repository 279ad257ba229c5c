/** `2026-11-23 14:59 (Europe/Lisbon)`: an instant as the clock on the site's wall shows it, for a person. */
export function siteTime(epochMs: number, timeZone: string): string {
  const shown = new Date(epochMs).toLocaleString("sv-SE", {
    dateStyle: "short",
    timeStyle: "short",
    timeZone,
  });
  return `${shown} (${timeZone})`;
}
