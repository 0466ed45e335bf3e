// Starts the page: the project, the conversation in the address, and what the buttons do.
import { Conversation } from "./conversation.js";
import { deleteAll, drawList } from "./conversations.js";
import { byId, make } from "./elements.js";
import { listenToKeys } from "./keys.js";
import { watchCard } from "./place_card.js";
import { ask } from "./server.js";

const MOST_ROWS = 8;
let conversation = null;

const chosenId = () => new URLSearchParams(location.search).get("c");

function whatThisIs(voice, strict, sources) {
  if (strict) return "Answers are the talks' own sentences, each with its second.";
  const who = `A small model answers${voice ? ` in the voice of ${voice}` : ""}.`;
  return sources ? `${who} It can be wrong: behind a sentence stands its nearest place in the talks. Read there.` : `${who} It can be wrong, and has no talks beside it.`;
}

function showProject({ name, voice, strict, sources, measured, examples, compare }) {
  byId("name").textContent = name;
  byId("what-this-is").textContent = whatThisIs(voice, strict, sources);
  byId("examples").replaceChildren(...examples.map((question) =>
    make("li", {}, make("button", { text: question, dir: "auto", onclick: () => send(question) }))));
  byId("compare-too").hidden = !compare;
  byId("measured").textContent = measured ?? "";
  byId("measured").hidden = !measured;
  document.title = name;
}

/** What depends on the conversation, on whether an answer is being written, and on the list. */
function conversationChanged() {
  const { id, title, turns, isWriting, project } = conversation;
  const isNew = id !== null && id !== chosenId();
  if (isNew) history.pushState(null, "", `?c=${encodeURIComponent(id)}`);
  else if (id === null && chosenId()) history.pushState(null, "", location.pathname);
  byId("welcome").hidden = turns.length > 0;
  byId("send").hidden = isWriting;
  byId("stop").hidden = !isWriting;
  showTitle(title, project.name);
  redrawList();
}

function showTitle(title, name) {
  byId("open-title").textContent = title || name;
  byId("heading").textContent = title || `A new conversation with ${name}`;
  document.title = title ? `${title} - ${name}` : name;
}

async function redrawList() {
  await drawList(conversation.id, choose, forget);
  showTitle(document.querySelector("#list [aria-current]")?.textContent ?? conversation.title, conversation.project.name);
}

async function choose(id) {
  if (byId("conversations").matches(":popover-open")) byId("conversations").hidePopover();
  try {
    await conversation.open(id);
  } catch (error) {
    trouble(error.message, "Try again", () => choose(id));
  }
}

function begin() {
  if (byId("conversations").matches(":popover-open")) byId("conversations").hidePopover();
  conversation.begin();
  byId("question").focus();
}

function forget(id) {
  if (id === null || id === conversation.id) conversation.begin();
  else redrawList();
}

/** What the whole page can't do, and the way on, in the place of the turns. */
function trouble(text, does, act) {
  const again = () => { byId("turns").replaceChildren(); act(); };
  byId("turns").replaceChildren(make("div", { class: "trouble whole", role: "alert" }, make("p", { text }), make("button", { text: does, onclick: again })));
}

function send(question) {
  document.querySelector(".trouble.whole")?.remove();
  conversation.askNew(question, byId("compare").checked && conversation.project.compare);
}

function listenToForm() {
  const question = byId("question");
  const fit = () => { question.rows = Math.min(MOST_ROWS, question.value.split("\n").length + Math.floor(question.value.length / 90)); };
  question.addEventListener("input", fit);
  question.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    byId("ask").requestSubmit();
  });
  byId("ask").addEventListener("submit", (event) => {
    event.preventDefault();
    const asked = question.value.trim();
    if (!asked || conversation.isWriting) return;
    question.value = "";
    fit();
    // Its keyboard would cover the answer.
    if (matchMedia("(pointer: coarse)").matches) question.blur();
    send(asked);
  });
  byId("stop").addEventListener("click", () => { conversation.stop(); question.focus(); });
}

function listenToPage() {
  byId("new").addEventListener("click", begin);
  byId("new-too").addEventListener("click", begin);
  byId("delete-all").addEventListener("click", () => deleteAll(forget));
  addEventListener("popstate", () => {
    const id = chosenId();
    if (id === conversation.id) return;
    if (id) choose(id);
    else conversation.begin();
  });
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && redrawList());
  listenToKeys({ begin, stop: () => conversation.stop() });
  watchCard();
}

async function start() {
  let project;
  try {
    project = await ask("GET", "/api/project");
  } catch (error) {
    return trouble(error.message, "Try again", start);
  }
  showProject(project);
  conversation = new Conversation(project, conversationChanged);
  listenToForm();
  listenToPage();
  // On a telephone the focus would bring up the keyboard.
  if (matchMedia("(pointer: fine)").matches) byId("question").focus();
  if (chosenId()) await choose(chosenId());
  else conversationChanged();
}

start();
