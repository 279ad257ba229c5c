/** The candidate a person most likely meant, or undefined when none is near enough to be a slip of the keyboard. */
export function nearest(meant: string, candidates: Iterable<string>): string | undefined {
  const farthest = Math.max(1, Math.floor(meant.length / 3));
  let best: { readonly word: string; readonly distance: number } | undefined;
  for (const word of candidates) {
    if (Math.abs(word.length - meant.length) > farthest) continue;
    const distance = editDistance(meant.toLowerCase(), word.toLowerCase());
    if (distance <= farthest && (best === undefined || distance < best.distance)) best = { word, distance };
  }
  return best?.word;
}

/** Insertions, removals, replacements and swaps of neighbours (optimal string alignment) from one text to the other. */
function editDistance(from: string, to: string): number {
  let twoAbove: number[] = [];
  let above = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const here = [row];
    for (let column = 1; column <= to.length; column++) {
      const isSame = from[row - 1] === to[column - 1];
      const isSwap =
        row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      here.push(
        Math.min(
          (above[column] ?? Infinity) + 1,
          (here[column - 1] ?? Infinity) + 1,
          (above[column - 1] ?? Infinity) + (isSame ? 0 : 1),
          isSwap ? (twoAbove[column - 2] ?? Infinity) + 1 : Infinity,
        ),
      );
    }
    twoAbove = above;
    above = here;
  }
  return above[to.length] ?? 0;
}
