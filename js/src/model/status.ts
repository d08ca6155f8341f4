/** Whether Python answers, and what went wrong. */

export type Connection = "live" | "busy" | "gone" | "restarted";

/** Whether no Python answers, so that there is nothing to wait for. */
export function isLost(connection: Connection): boolean {
  return connection === "gone" || connection === "restarted";
}

export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly details: string;
}

export interface Problem {
  readonly site: string | undefined;
  readonly message: string;
  readonly details: string;
}
