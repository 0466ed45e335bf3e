// The passages beside an answer: the talk, the second, and its own words.
import { make, placeLink } from "./elements.js";

const WIDE = matchMedia("(min-width: 70rem)");
const LONG = 180;
WIDE.addEventListener("change", () => document.querySelectorAll(".sources details").forEach((one) => { one.open = WIDE.matches; }));

/** The passages of a turn as a column, folded where the window is narrow; null where there are none. */
export function sourcesOf({ sources, decision }) {
  if (!sources.length) return null;
  const heading = decision === "not_covered" ? "The nearest talks" : sources.length === 1 ? "1 passage of the talks" : `${sources.length} passages of the talks`;
  return make("div", { class: "sources" },
    make("details", { open: WIDE.matches },
      make("summary", { text: heading }),
      make("ol", {}, ...sources.map(source))));
}

function source(passage) {
  const words = make("p", { class: "words", text: passage.text, dir: "auto" });
  const made = make("li", {}, make("p", { class: "heading" }, placeLink(passage, passage.heading)), words);
  if (passage.text.length > LONG) made.append(unfold(words));
  return made;
}

function unfold(words) {
  words.classList.add("folded");
  const button = make("button", { type: "button", class: "plain small", text: "All of it", "aria-expanded": "false" });
  button.addEventListener("click", () => {
    const isFolded = words.classList.toggle("folded");
    button.setAttribute("aria-expanded", String(!isFolded));
    button.textContent = isFolded ? "All of it" : "Less";
  });
  return button;
}
