/** Whether Python answers, and what went wrong. */

export type Connection = "live" | "busy" | "gone" | "restarted";

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
