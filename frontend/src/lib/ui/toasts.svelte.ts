/** Short messages about actions, shown for a few seconds and read out. */
export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly kind: "info" | "error";
}

let next = 0;
export const toasts = $state<Toast[]>([]);

/** Show `text`; errors stay longer. */
export function say(text: string, kind: Toast["kind"] = "info"): void {
  const id = next++;
  toasts.push({ id, text, kind });
  setTimeout(() => dismiss(id), kind === "error" ? 10_000 : 4_000);
}

/** Remove a toast. */
export function dismiss(id: number): void {
  const index = toasts.findIndex((toast) => toast.id === id);
  if (index >= 0) toasts.splice(index, 1);
}
