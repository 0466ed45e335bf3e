// The card beside a sentence's second: the talk's words at the nearest place, and the link that opens there.
import { byId, make, placeLink } from "./elements.js";

const KINDS = { number: "number", time: "time", name: "name", thing: "thing" };
const DISTANCE = 8;
const LEAVING_MS = 250;
let holder = null;
let isPinned = false;
let leaving = 0;

const card = () => byId("place-card");
export const nameOf = (kind) => KINDS[kind] ?? "detail";

/** Hovering or focusing the button shows the card of its sentence; pressing it keeps the card there. */
export function holdsCard(button, sentence) {
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && !isPinned && show(button, sentence));
  button.addEventListener("pointerleave", () => leave());
  button.addEventListener("focus", () => button.matches(":focus-visible") && show(button, sentence));
  button.addEventListener("blur", (event) => !card().contains(event.relatedTarget) && hideCard());
  button.addEventListener("click", () => {
    if (holder === button && isPinned) return hideCard();
    show(button, sentence);
    isPinned = true;
  });
}

function show(button, sentence) {
  clearTimeout(leaving);
  if (holder === button) return;
  hideCard();
  holder = button;
  button.setAttribute("aria-expanded", "true");
  sentenceOf(button).forEach((part) => part.classList.add("looked-at"));
  card().replaceChildren(...contentOf(sentence));
  // Behind its button, so that the tabulator goes from one to the other.
  button.parentElement.append(card());
  card().showPopover();
  moveBeside(button);
}

/** Close the card; true if it was open. */
export function hideCard() {
  clearTimeout(leaving);
  if (!holder) return false;
  sentenceOf(holder).forEach((part) => part.classList.remove("looked-at"));
  holder.setAttribute("aria-expanded", "false");
  holder = null;
  isPinned = false;
  if (card().matches(":popover-open")) card().hidePopover();
  document.body.append(card());
  return true;
}

function leave() {
  if (!isPinned && holder !== document.activeElement) leaving = setTimeout(hideCard, LEAVING_MS);
}

const sentenceOf = (button) => button.closest(".body")?.querySelectorAll(`.sentence[data-start="${button.dataset.start}"]`) ?? [];

function contentOf({ place, marks }) {
  if (!place) return [make("p", { class: "card-heading", text: "No place in the talks" }), make("p", { text: "Nothing in the talks is near this sentence." })];
  const missing = marks.length ? make("p", { class: "missing" }, "Not there: ", ...listed(marks)) : null;
  return [
    make("p", { class: "card-heading", text: "Nearest place in the talks" }),
    make("blockquote", { text: place.text, dir: "auto" }),
    make("p", {}, placeLink(place, place.heading)),
    missing,
  ].filter(Boolean);
}

function listed(marks) {
  return marks.flatMap(({ kind, text }, number) => [number ? ", " : "", make("b", { text, dir: "auto" }), ` (${nameOf(kind)})`]);
}

// Below the button or, where there is more room, above; never over the window's edge.
function moveBeside(button) {
  const at = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = card();
  const left = Math.min(Math.max(DISTANCE, at.left + at.width / 2 - width / 2), innerWidth - width - DISTANCE);
  const below = at.bottom + DISTANCE;
  const top = below + height <= innerHeight ? below : Math.max(DISTANCE, at.top - height - DISTANCE);
  card().style.left = `${left}px`;
  card().style.top = `${top}px`;
}

/** The card follows the pointer into itself, and goes away with a press elsewhere or when the page moves under it. */
export function watchCard() {
  card().addEventListener("pointerenter", () => clearTimeout(leaving));
  card().addEventListener("pointerleave", leave);
  card().addEventListener("focusout", (event) => event.relatedTarget !== holder && !card().contains(event.relatedTarget) && hideCard());
  document.addEventListener("pointerdown", (event) => holder && !holder.contains(event.target) && !card().contains(event.target) && hideCard());
  byId("talk").addEventListener("scroll", () => holder && moveBeside(holder), { passive: true });
  addEventListener("resize", hideCard);
}
