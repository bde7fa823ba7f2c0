/**
 * The router. Addresses are plain paths; links are plain `<a href>`, so that the browser's own ways (new tab,
 * copying, middle click) work. A page is loaded on the first visit.
 */
export interface Place {
  readonly path: string;
  readonly query: URLSearchParams;
}

let place = $state.raw<Place>(read());

/** Return the current address. */
export function here(): Place {
  return place;
}

/** Go to `to`, a path with or without a query. `replace` leaves no entry in the history. */
export function go(to: string, { replace = false } = {}): void {
  if (replace) history.replaceState(null, "", to);
  else history.pushState(null, "", to);
  place = read();
  if (!replace) scrollTo(0, 0);
}

/** Change some parameters of the query, in place; null removes one. */
export function setQuery(changes: Record<string, string | null>): void {
  const query = new URLSearchParams(place.query);
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) query.delete(name);
    else query.set(name, value);
  }
  const text = query.toString();
  go(text ? `${place.path}?${text}` : place.path, { replace: true });
}

/** Return the route for `path` and the values of its names. */
export function match<Route extends { readonly path: string }>(
  routes: readonly Route[],
  path: string,
): { route: Route; params: Record<string, string> } | null {
  const parts = path.split("/").filter(Boolean);
  for (const route of routes) {
    const names = route.path.split("/").filter(Boolean);
    if (names.length !== parts.length) continue;
    const params: Record<string, string> = {};
    const fits = names.every((name, index) => {
      const part = parts[index] ?? "";
      if (!name.startsWith(":")) return name === part;
      try {
        params[name.slice(1)] = decodeURIComponent(part);
        return true;
      } catch {
        return false; // an address that is mistyped, such as /recordings/%
      }
    });
    if (fits) return { route, params };
  }
  return null;
}

/** Make links within the pages change the page instead of reloading it. Return a function that undoes this. */
export function followLinks(): () => void {
  const onClick = (event: MouseEvent) => {
    if (
      event.defaultPrevented ||
      event.button !== 0 ||
      event.metaKey ||
      event.ctrlKey ||
      event.shiftKey ||
      event.altKey
    )
      return;
    const link = (event.target as Element | null)?.closest("a");
    if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin) return;
    if (
      /^\/(api|v1|v1beta|v1alpha)\//.test(link.pathname) ||
      (link.hash && link.pathname === location.pathname)
    )
      return;
    event.preventDefault();
    go(link.pathname + link.search + link.hash);
  };
  const onBack = () => {
    place = read();
  };
  document.addEventListener("click", onClick);
  addEventListener("popstate", onBack);
  return () => {
    document.removeEventListener("click", onClick);
    removeEventListener("popstate", onBack);
  };
}

function read(): Place {
  return { path: location.pathname, query: new URLSearchParams(location.search) };
}
