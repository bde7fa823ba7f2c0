/** The usual font size of the root, in pixels. */
const USUAL = 15;

/** Return the factor for sizes in pixels: 1, except on very wide screens (`base.css`). */
export function scale(): number {
  return parseFloat(getComputedStyle(document.documentElement).fontSize) / USUAL;
}
