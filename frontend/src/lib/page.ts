import type { LucideIcon } from "@lucide/svelte";
import type { Component } from "svelte";

/** A page: its addresses, its audience, and its place in the navigation. `K` is every key of its own messages. */
export interface Page<K extends string = string> {
  readonly title: K;
  readonly audience: "anyone" | "user" | "admin";
  /** The component of each address (`/recordings/:id`), loaded on a visit. Names in an address become its props. */
  readonly routes: Readonly<Record<string, () => Promise<{ default: Component<any> }>>>; // eslint-disable-line @typescript-eslint/no-explicit-any
  /** Puts the page's first address into the navigation. */
  readonly icon?: LucideIcon;
  /** Puts it into the bar of small screens too. */
  readonly isMain?: boolean;
}
