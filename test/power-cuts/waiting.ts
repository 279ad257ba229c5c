/** Waits of tests that watch real processes: nothing but real time passes there. */
export async function withinMs<T>(ms: number, what: string, awaited: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms} ms in vain: ${what}`)), ms);
  });
  try {
    return await Promise.race([awaited, late]);
  } finally {
    clearTimeout(timer);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const LOOK_EVERY_MS = 20;

/** Looks again and again; an answer of null means "not yet". */
export async function untilFound<T>(
  ms: number,
  what: string,
  look: () => T | null | Promise<T | null>,
): Promise<T> {
  const giveUpAt = performance.now() + ms;
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (performance.now() > giveUpAt) throw new Error(`waited ${ms} ms in vain: ${what}`);
    await pause(LOOK_EVERY_MS);
  }
}
