/** The root's font size, in pixels, at which pixels are what they say. */
const USUAL = 15;

/** How much larger than usual everything is: 1, but on very wide screens (`base.css`). Pixels are multiplied by it. */
export function scale(): number {
  return parseFloat(getComputedStyle(document.documentElement).fontSize) / USUAL;
}
