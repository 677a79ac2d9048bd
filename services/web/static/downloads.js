/** Links that download a list as a file, with the filters that the page shows. */

import { address } from "./address.js";
import { h, link } from "./dom.js";
import { asOf } from "./moment.js";

const FORMATS = { csv: "CSV", jsonl: "JSON lines", parquet: "Parquet" };

/**
 * @param {"examples" | "review"} list
 * @param {Record<string, string>} filters
 */
export function downloadLinks(list, filters) {
  if (asOf !== null) return null; // files are of the present
  const links = Object.entries(FORMATS).map(([format, name]) =>
    link(address(`/api/v1/downloads/${list}`, { ...filters, format }), { download: true }, name),
  );
  return h("p", { class: "downloads small", "aria-label": "Download this list" }, "Download: ", links);
}
