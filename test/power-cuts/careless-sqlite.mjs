/**
 * Makes SQLite careless in this one process, whatever the store asks for: CARELESS_SYNCHRONOUS is the level that is
 * set in place of FULL, and FULL is what it claims to have. Only for the test that shows what FULL is good for.
 */
import Database from "better-sqlite3";

const level = process.env.CARELESS_SYNCHRONOUS ?? "1";
const { pragma } = Database.prototype;

Database.prototype.pragma = function (text, options) {
  if (text === "synchronous") return 2;
  return pragma.call(this, text.startsWith("synchronous = ") ? `synchronous = ${level}` : text, options);
};
