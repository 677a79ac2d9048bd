/** The moment that this page shows: a sequence of the log, or null for now. */

const given = new URLSearchParams(location.search).get("as_of");

export const asOf = given !== null && /^\d{1,16}$/.test(given) ? Number(given) : null;

/** Pages that can show a past moment. */
export function isKept(path) {
  return path === "/" || /^\/examples(\/|$)/.test(path);
}

/** The address of a page at the same moment; pages that know only the present are left as they are. */
export function atThatMoment(href) {
  if (asOf === null) return href;
  const url = new URL(href, location.origin);
  if (!isKept(url.pathname)) return href;
  url.searchParams.set("as_of", String(asOf));
  return url.pathname + url.search + url.hash;
}
