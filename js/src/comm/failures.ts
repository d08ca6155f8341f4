/** What is said of a request that failed, and of a message that cannot be read. */

import type { Failure } from "../model/status";

export const STOPPED: Failure = { code: "Dropped", message: "stopped.", details: "" };

export function failureOf(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  return {
    code: "DecodeError",
    message: `The kernel sent something this page cannot read: ${message}`,
    details: error instanceof Error ? (error.stack ?? message) : message,
  };
}

/** The request that a message is about, if it says so in a way that can be read. */
export function idOf(content: unknown): number {
  const id = (content as { id?: unknown } | null | undefined)?.id;
  return typeof id === "number" ? id : -1;
}
