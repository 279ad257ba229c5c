/** The same value, which nobody can change any more, at any depth. For what is handed out more than once. */
export function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const name in value) {
    const member: unknown = value[name];
    if (typeof member === "object") frozen(member);
  }
  return Object.freeze(value);
}
