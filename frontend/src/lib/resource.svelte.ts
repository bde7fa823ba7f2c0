/** What a page shows that comes from the server, and what a person sends there. */
import { wordsFor } from "$lib/errors";

/**
 * Something loaded, and loaded anew whenever what `load` reads changes. While that goes on, the last value stays, so that
 * nothing flickers. To be made while a component is set up.
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

  /** Loads it again. An answer that comes after a later one is dropped. */
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

  /** Loads it again every `seconds` while `wanted` says so and the page is in sight. */
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

/** Something that a person does: at most one at a time, and what went wrong is kept in words. */
export class Action {
  busy = $state(false);
  error = $state<string | null>(null);

  /** Does `work`; whether it went well. */
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
