/** Topics: how many tags the training set covers, and the tags with the fewest examples. */

import { address } from "../address.js";
import { emptyState, h, link } from "../dom.js";
import { asOf } from "../moment.js";
import { number } from "../words.js";

/** @import { Topics } from "../../answers.d.ts" */

/** @param {Topics} topics */
export function topicList({ enough, covered, thin, thinnest }) {
  if (!covered && !thin) return emptyState("No topics yet");
  const items = thinnest.map(({ tag, in_training: trained, waiting }) => {
    const href = waiting && asOf === null ? address("/review", { tag }) : address("/examples", { tag });
    const title = `${number(trained)} in the training set, ${number(waiting)} waiting for review`;
    return h("li", {}, link(href, { class: "tag", title }, tag, h("span", { class: "of" }, ` ${trained}/${enough}`)));
  });
  return [
    h(
      "p",
      {},
      h("b", {}, number(covered)),
      " covered, ",
      h("b", {}, number(thin)),
      " thin ",
      h("span", { class: "quiet" }, `(fewer than ${enough} in the training set)`),
    ),
    h("ul", { class: "thin" }, items),
  ];
}
