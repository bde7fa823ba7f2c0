/** What people are writing to their days and have not saved: it is kept while they look at another day or page. */
const drafts = new Map<string, string>();

/** What `user` was writing to `day`. */
export function draftOf(user: number, day: string): string | undefined {
  return drafts.get(`${user} ${day}`);
}

/** Keeps it; undefined takes it away. */
export function keepDraft(user: number, day: string, text: string | undefined): void {
  if (text === undefined) drafts.delete(`${user} ${day}`);
  else drafts.set(`${user} ${day}`, text);
}

addEventListener("beforeunload", (event) => {
  if (drafts.size) event.preventDefault();
});
