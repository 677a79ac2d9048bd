/** Addresses of our pages. */

/**
 * The address of a page with its parameters; empty ones are left out.
 *
 * @param {string} path
 * @param {Record<string, string | number | null | undefined>} parameters
 */
export function address(path, parameters) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== null && value !== undefined && value !== "") query.set(name, String(value));
  }
  return query.size ? `${path}?${query}` : path;
}

/**
 * The address of an example, on the pages and in the API.
 *
 * @param {string} id
 * @returns {`/examples/${string}`}
 */
export function exampleAddress(id) {
  return `/examples/${encodeURIComponent(id)}`;
}

/**
 * Parameters of the address of this page; absent ones are empty.
 *
 * @template {string} Name
 * @param {readonly Name[]} names
 */
export function pageParameters(names) {
  const query = new URLSearchParams(location.search);
  return /** @type {Record<Name, string>} */ (Object.fromEntries(names.map((name) => [name, query.get(name) ?? ""])));
}
