/** Unsaved own texts, kept while other days or pages are shown. */
const drafts = new Map<string, string>();

/** Return the draft of `user` for `day`. */
export function draftOf(user: number, day: string): string | undefined {
  return drafts.get(`${user} ${day}`);
}

/** Keep a draft; undefined removes it. */
export function keepDraft(user: number, day: string, text: string | undefined): void {
  if (text === undefined) drafts.delete(`${user} ${day}`);
  else drafts.set(`${user} ${day}`, text);
}

addEventListener("beforeunload", (event) => {
  if (drafts.size) event.preventDefault();
});
