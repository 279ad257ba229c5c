export * from "./attempt.js";
export * from "./card.js";
export * from "./driver.js";
export * from "./errors.js";
export * from "./keypad.js";
export * from "./line.js";
export * from "./stripe.js";
export * from "./turns.js";
