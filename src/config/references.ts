import { readFileSync, statSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { Secret } from "#src/lib/secret";
import type { Finding, Path } from "./problem.js";

/** Longer than any key or token; a bound against a reference to the wrong file. */
const SECRET_BYTES_MAX = 65_536;
const CREDENTIALS_DIRECTORY = "CREDENTIALS_DIRECTORY";

const REFERENCE = /^\$\{([^:}]*):([^}]*)\}$/;

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Resolved {
  /** The data, with every reference replaced by its `Secret`. */
  readonly data: unknown;
  readonly findings: readonly Finding[];
  /** References that only the running service can read. */
  readonly unread: readonly Finding[];
}

/**
 * Replaces `${credential:name}` (a file of that name in systemd's `$CREDENTIALS_DIRECTORY`) and `${file:/path}` by what
 * the file holds, without one newline at its end. A reference is the whole value.
 */
export function resolveReferences(data: unknown, env: Environment): Resolved {
  const findings: Finding[] = [];
  const unread: Finding[] = [];
  const walk = (value: unknown, path: Path): unknown => {
    if (typeof value === "string") {
      const read = readReference(value, env);
      if (read === undefined) return value;
      if (read.is === "secret") return read.secret;
      const finding: Finding = { path, at: "value", message: read.message, suggestion: read.suggestion };
      (read.is === "unread" ? unread : findings).push(finding);
      // A stand-in of the right kind, so that the value is not reported a second time.
      return new Secret("unread");
    }
    if (Array.isArray(value)) return value.map((item, index) => walk(item, [...path, index]));
    if (typeof value === "object" && value !== null) {
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [key, walk(item, [...path, key])]),
      );
    }
    return value;
  };
  return { data: walk(data, []), findings, unread };
}

type Read =
  | { readonly is: "secret"; readonly secret: Secret<string> }
  | { readonly is: "wrong" | "unread"; readonly message: string; readonly suggestion?: string };

/** undefined: the text is no reference. */
function readReference(text: string, env: Environment): Read | undefined {
  if (!text.includes("${")) return undefined;
  const [, kind, target] = REFERENCE.exec(text) ?? [];
  if (kind === undefined || target === undefined) {
    return {
      is: "wrong",
      message: "a reference must be the whole value, like ${credential:name} or ${file:/path}",
    };
  }
  switch (kind) {
    case "credential":
      return readCredential(target, env);
    case "file":
      return readSecretFile(target);
    default:
      return {
        is: "wrong",
        message: `unknown kind of reference "${kind}"`,
        suggestion: "use ${credential:…} or ${file:…}",
      };
  }
}

function readCredential(name: string, env: Environment): Read {
  if (!/^[A-Za-z0-9_][A-Za-z0-9._-]*$/.test(name)) {
    return { is: "wrong", message: `"${name}" cannot be the name of a credential` };
  }
  const folder = env[CREDENTIALS_DIRECTORY];
  if (folder === undefined || folder === "") {
    return {
      is: "unread",
      message: `the credential "${name}" can be read only by the service: $${CREDENTIALS_DIRECTORY} is not set`,
      suggestion: `add LoadCredential=${name}:/path to lockbridge.service, or use \${file:/path}`,
    };
  }
  // systemd itself keeps these files from other users.
  return readText(join(folder, name));
}

function readSecretFile(path: string): Read {
  if (!isAbsolute(path)) return { is: "wrong", message: `"${path}" is not an absolute path` };
  try {
    const mode = statSync(path).mode;
    if ((mode & 0o077) !== 0) {
      return {
        is: "wrong",
        message: `${path} is open to its group or to others (mode ${(mode & 0o777).toString(8).padStart(4, "0")})`,
        suggestion: `chmod 600 ${path}`,
      };
    }
  } catch (error) {
    return { is: "wrong", message: `cannot read ${path}: ${reasonOf(error)}` };
  }
  return readText(path);
}

function readText(path: string): Read {
  try {
    const facts = statSync(path);
    if (!facts.isFile()) return { is: "wrong", message: `${path} is not a file` };
    if (facts.size > SECRET_BYTES_MAX)
      return { is: "wrong", message: `${path} is longer than ${SECRET_BYTES_MAX} bytes` };
    const text = readFileSync(path, "utf8").replace(/\r?\n$/, "");
    return text === ""
      ? { is: "wrong", message: `${path} is empty` }
      : { is: "secret", secret: new Secret(text) };
  } catch (error) {
    return { is: "wrong", message: `cannot read ${path}: ${reasonOf(error)}` };
  }
}

/** The system's own word for what went wrong, e.g. `ENOENT`; enough for an administrator. */
export function reasonOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  switch (code) {
    case "ENOENT":
      return "there is no such file";
    case "EACCES":
      return "permission denied";
    default:
      return code ?? "it cannot be read";
  }
}
