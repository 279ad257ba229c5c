/**
 * How a configuration names a PC/SC reader: `pcsc:` and its name as the service has it, or the beginning of that name, so
 * that the numbers at its end, which follow the order of plugging, may be left out.
 */
export const PCSC_ADDRESS_FORM = 'pcsc:NAME, like "pcsc:ACS ACR1252 1S CL Reader"';

const PREFIX = "pcsc:";

/** Null when `text` is no such address. */
export function pcscReaderOf(text: string): string | null {
  const name = text.startsWith(PREFIX) ? text.slice(PREFIX.length).trim() : "";
  return name === "" ? null : name;
}
