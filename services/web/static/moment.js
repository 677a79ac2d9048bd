/** The moment that this page shows: a sequence of the log, or null for now. */

const parameter = new URLSearchParams(location.search).get("as_of");

export const asOf = parameter !== null && /^\d{1,16}$/.test(parameter) ? Number(parameter) : null;

/**
 * Can the page at this path show a past moment?
 *
 * @param {string} path
 */
export function canShowPast(path) {
  return path === "/" || /^\/examples(\/|$)/.test(path);
}

/**
 * The address of a page at the moment of this page; pages that know only the present keep their address.
 *
 * @param {string} href
 */
export function atSameMoment(href) {
  if (asOf === null) return href;
  const url = new URL(href, location.origin);
  if (!canShowPast(url.pathname)) return href;
  url.searchParams.set("as_of", String(asOf));
  return url.pathname + url.search + url.hash;
}
