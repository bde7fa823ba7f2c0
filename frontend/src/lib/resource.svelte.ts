/** Data that a page loads from the server, and actions that a user sends to it. */
import { wordsFor } from "$lib/errors";

/**
 * Loaded data, reloaded whenever a state that `load` reads changes. Meanwhile the last value stays, so that
 * nothing flickers. Create it while a component is initialised.
 */
export class Resource<T> {
  value = $state.raw<T>();
  error = $state<string | null>(null);
  loading = $state(true);
  #load: () => Promise<T>;
  #turn = 0;

  constructor(load: () => Promise<T>) {
    this.#load = load;
    $effect(() => {
      void this.reload();
    });
  }

  /** Reload the data. A response that arrives after a later one is dropped. */
  async reload(): Promise<void> {
    const turn = ++this.#turn;
    const answer = this.#load();
    this.loading = true;
    try {
      const value = await answer;
      if (turn !== this.#turn) return;
      this.value = value;
      this.error = null;
    } catch (problem) {
      if (turn === this.#turn) this.error = wordsFor(problem);
    } finally {
      if (turn === this.#turn) this.loading = false;
    }
  }

  /** Reload every `seconds` while `wanted` is true and the page is visible. */
  poll(seconds: number, wanted: () => boolean = () => true): void {
    $effect(() => {
      if (!wanted()) return;
      const timer = setInterval(() => {
        if (document.visibilityState === "visible") void this.reload();
      }, seconds * 1000);
      return () => clearInterval(timer);
    });
  }
}

/** A user's action: at most one runs at a time, and the message of its error is kept. */
export class Action {
  busy = $state(false);
  error = $state<string | null>(null);

  /** Run `work`. Return true if it succeeded. */
  async run(work: () => Promise<unknown>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.error = null;
    try {
      await work();
      return true;
    } catch (problem) {
      this.error = wordsFor(problem);
      return false;
    } finally {
      this.busy = false;
    }
  }
}
