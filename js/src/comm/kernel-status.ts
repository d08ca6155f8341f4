/** What Jupyter says about the kernel. */

export type KernelStatus = "busy" | "idle" | "ended" | "unknown";

/** The kernel's status, if the widget manager knows it. */
export function kernelStatus(manager: unknown): KernelStatus {
  const kernel = (manager as { kernel?: { status?: unknown } } | null | undefined)?.kernel;
  const status = kernel?.status;
  if (status === "busy" || status === "starting") return "busy";
  if (status === "idle") return "idle";
  const ended = ["restarting", "autorestarting", "terminating", "dead"];
  return typeof status === "string" && ended.includes(status) ? "ended" : "unknown";
}

/** Whether the model behind a comm event is still connected; undefined if unknown. */
export function liveness(context: unknown): boolean | undefined {
  const model = (context as { model?: { comm_live?: unknown } } | null | undefined)?.model;
  return typeof model?.comm_live === "boolean" ? model.comm_live : undefined;
}
