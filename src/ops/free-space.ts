import { statfsSync } from "node:fs";

/** Bytes that this process may still write to the file system that holds `folder`; null: it does not say. */
export function freeBytesAt(folder: string): number | null {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return null;
  }
}
