/**
 * Why a document is stored and nothing is made of it, for a person. The codes are the engine's own (`missing:<id>`,
 * `entrance_removed` …) and those of items that could not be understood (`item.…`).
 */
export function blockedReason(code: string): string {
  const [reason, id] = code.split(":", 2);
  switch (reason) {
    case "missing":
      return `it waits for ${id ?? "something"}, which the gateway has not received yet`;
    case "entrance_removed":
      return "it names an entrance that is not in the gateway's configuration (any more)";
    case "system_removed":
      return "it names an acs_system that is not in the gateway's configuration (any more)";
    case "refused":
      return "it cannot be carried out as it is: check its dates and entrances";
    case "orphaned":
      return "the cloud lost it (it was restored to an earlier state): somebody has to adopt or refuse it there";
    default:
      return `the newest change of it is not understood (${code})`;
  }
}
