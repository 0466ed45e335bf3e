// What the keyboard does beside the tabulator. Letters count only where nothing is being typed.
import { byId, make } from "./elements.js";
import { hideCard } from "./place_card.js";

const LETTERS = "understudy-letters";
const turns = () => [...document.querySelectorAll(".turn")];

// The turn that has the focus; otherwise the last one.
const turnAt = () => document.activeElement?.closest(".turn") ?? turns().at(-1);
const press = (does) => turnAt()?.querySelector(`[data-does=${does}]`)?.click();

function step(by) {
  const all = turns();
  const at = all.indexOf(document.activeElement?.closest(".turn"));
  const next = all[at < 0 ? all.length - 1 : Math.min(Math.max(at + by, 0), all.length - 1)];
  next?.querySelector(".question").focus();
  next?.scrollIntoView({ block: "start" });
}

/** Listen to the keys. `actions`: begin, stop. */
export function listenToKeys({ begin, stop }) {
  const keys = {
    "/": ["write a question", () => byId("question").focus()],
    n: ["new conversation", begin],
    j: ["next question", () => step(1)],
    k: ["question before", () => step(-1)],
    e: ["edit the question", () => press("edit")],
    c: ["copy the answer with its links", () => press("copy")],
    w: ["note the answer as wrong", () => press("wrong")],
    "?": ["this list", () => byId("keys").showModal()],
  };
  const listed = [...Object.entries(keys).map(([key, [words]]) => [key, words]),
    ["Enter", "ask"], ["Shift + Enter", "a new line"], ["Esc", "stop the answer, close what is open"], ["Tab", "on the second of a sentence: the talk's words there"]];
  byId("keys-list").replaceChildren(...listed.map(([key, words]) => make("div", {}, make("dt", {}, make("kbd", { text: key })), make("dd", { text: words }))));
  rememberLetters();
  byId("show-keys").addEventListener("click", () => byId("keys").showModal());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") return hideCard() || stop();
    if (!byId("letters").checked) return;
    if (event.target.matches("input:not([type=checkbox]), textarea, select") || !Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    keys[event.key][1]();
  });
}

// Who speaks to the computer, or presses keys by accident, can switch single signs off.
function rememberLetters() {
  const letters = byId("letters");
  try {
    letters.checked = localStorage.getItem(LETTERS) !== "off";
  } catch {
    // A browser that keeps nothing: they are on.
  }
  letters.addEventListener("change", () => {
    try {
      localStorage.setItem(LETTERS, letters.checked ? "on" : "off");
    } catch {
      // It holds until the page is loaded again.
    }
  });
}
