// The card beside a sentence's second: the talk's words at the nearest place, and the link that opens there.
import { byId, make, placeLink } from "./elements.js";

const KINDS = { number: "number", time: "time", name: "name", thing: "thing" };
const DISTANCE = 8;
const LEAVING_MS = 250;
let holder = null;
let isPinned = false;
let leaving = 0;
let isReturning = false;

// It stands behind the button that it belongs to, and goes with it when an answer is drawn anew.
const card = make("div", { id: "place-card", popover: "manual" });
export const nameOf = (kind) => KINDS[kind] ?? "detail";

/** Hovering or focusing the button shows the card of its sentence; pressing it keeps the card there. */
export function holdsCard(button, sentence) {
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && !isKept() && show(button, sentence));
  button.addEventListener("pointerleave", () => leave());
  button.addEventListener("focus", () => !isReturning && button.matches(":focus-visible") && show(button, sentence));
  button.addEventListener("blur", (event) => !card.contains(event.relatedTarget) && hideCard());
  button.addEventListener("click", () => {
    if (holder === button && isPinned) return hideCard();
    show(button, sentence);
    isPinned = true;
  });
}

// With an answer that is drawn anew, or gone, its card is gone, too.
const isKept = () => isPinned && card.isConnected;

function show(button, sentence) {
  clearTimeout(leaving);
  if (holder === button && card.isConnected) return;
  hideCard();
  holder = button;
  button.setAttribute("aria-expanded", "true");
  sentenceOf(button).forEach((part) => part.classList.add("looked-at"));
  card.replaceChildren(...contentOf(sentence));
  // Behind its button, so that the tabulator goes from one to the other.
  button.parentElement.append(card);
  card.showPopover();
  moveBeside(button);
}

/** Close the card; true if it was open. */
export function hideCard() {
  clearTimeout(leaving);
  if (!holder) return false;
  const before = card.contains(document.activeElement) ? holder : null;
  sentenceOf(holder).forEach((part) => part.classList.remove("looked-at"));
  holder.setAttribute("aria-expanded", "false");
  holder = null;
  isPinned = false;
  card.remove();
  isReturning = true;
  before?.focus();
  isReturning = false;
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

// Below the button or, where there is more room, above; over its turn, and never over the window's edge.
function moveBeside(button) {
  const at = button.getBoundingClientRect();
  const turn = button.closest(".turn").getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = card;
  const last = Math.min(turn.right, innerWidth - DISTANCE) - width;
  const left = Math.max(DISTANCE, Math.min(Math.max(turn.left, at.left + at.width / 2 - width / 2), last));
  const below = at.bottom + DISTANCE;
  const top = below + height <= innerHeight ? below : Math.max(DISTANCE, at.top - height - DISTANCE);
  card.style.left = `${left}px`;
  card.style.top = `${top}px`;
}

/** The card follows the pointer into itself, and goes away with a press elsewhere or when the page moves under it. */
export function watchCard() {
  card.addEventListener("pointerenter", () => clearTimeout(leaving));
  card.addEventListener("pointerleave", leave);
  card.addEventListener("focusout", (event) => event.relatedTarget !== holder && !card.contains(event.relatedTarget) && hideCard());
  document.addEventListener("pointerdown", (event) => holder && !holder.contains(event.target) && !card.contains(event.target) && hideCard());
  byId("talk").addEventListener("scroll", () => holder?.isConnected ? moveBeside(holder) : hideCard(), { passive: true });
  addEventListener("resize", hideCard);
}
