/** What Jupyter says about the kernel. */

export type KernelStatus = "busy" | "idle" | "restarting" | "ended" | "unknown";

const STATUSES: Readonly<Record<string, KernelStatus>> = {
  busy: "busy",
  starting: "busy",
  idle: "idle",
  restarting: "restarting",
  autorestarting: "restarting",
  terminating: "ended",
  dead: "ended",
};

/** The kernel's status, if the widget manager knows it. Once it was shut down, there is none. */
export function kernelStatus(manager: unknown): KernelStatus {
  const known = manager as { kernel?: { status?: unknown } | null } | null | undefined;
  if (known?.kernel === null) return "ended";
  const status = known?.kernel?.status;
  return (typeof status === "string" ? STATUSES[status] : undefined) ?? "unknown";
}

/** Whether the model behind a comm event is still connected; undefined if unknown. */
export function liveness(context: unknown): boolean | undefined {
  const model = (context as { model?: { comm_live?: unknown } } | null | undefined)?.model;
  return typeof model?.comm_live === "boolean" ? model.comm_live : undefined;
}
