/** Short words about what was done, shown for a few seconds and read out. */
export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly kind: "info" | "error";
}

let next = 0;
export const toasts = $state<Toast[]>([]);

/** Says `text`; errors stay longer. */
export function say(text: string, kind: Toast["kind"] = "info"): void {
  const id = next++;
  toasts.push({ id, text, kind });
  setTimeout(() => dismiss(id), kind === "error" ? 10_000 : 4_000);
}

/** Takes a toast away. */
export function dismiss(id: number): void {
  const index = toasts.findIndex((toast) => toast.id === id);
  if (index >= 0) toasts.splice(index, 1);
}
