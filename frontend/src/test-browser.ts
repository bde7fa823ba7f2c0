/** The parts of a browser that the pages' logic touches, for unit tests in Node. */
import { vi } from "vitest";

const kept = new Map<string, string>();
const target = new EventTarget();

/** Go to `to` without an event, as a fresh page would be loaded. */
export function visit(to: string): void {
  const url = new URL(to, "https://daybook.test");
  vi.stubGlobal("location", { origin: url.origin, pathname: url.pathname, search: url.search });
}

/** Dispatch an event to the window and the document, which are one target here. */
export function dispatch(event: Event): void {
  target.dispatchEvent(event);
}

const move = (_: unknown, __: string, to: string) => visit(new URL(to, "https://daybook.test").href);
visit("/");
vi.stubGlobal("history", { pushState: vi.fn(move), replaceState: vi.fn(move) });
vi.stubGlobal("scrollTo", vi.fn());
vi.stubGlobal("localStorage", {
  getItem: (name: string) => kept.get(name) ?? null,
  setItem: (name: string, value: string) => void kept.set(name, value),
});
vi.stubGlobal("addEventListener", target.addEventListener.bind(target));
vi.stubGlobal("removeEventListener", target.removeEventListener.bind(target));
vi.stubGlobal("document", {
  documentElement: { lang: "", dataset: {} },
  addEventListener: target.addEventListener.bind(target),
  removeEventListener: target.removeEventListener.bind(target),
});
