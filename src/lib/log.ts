/** What every part logs through. `pino`'s logger is one. Messages are fixed sentences, data goes in the fields, `event` is a stable name. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(fields: object): Log;
}
