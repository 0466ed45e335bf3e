"use strict";
// Pairs of the data set, each decided by one key. `understudy review` keeps each decision at once; as a file alone, the page keeps them in
// the browser until they are saved as curation.csv.
const { name, pairs, flags, untouched, columns, applied, served } = JSON.parse(document.getElementById("data").textContent);
const ROW_HEIGHT = 56;
const MARGIN_ROWS = 10;
const MEMORY = "understudy-review-" + name;
const MEANING = { keep: "kept", reject: "rejected", edit: "edited", "": "undecided" };
const byId = (id) => document.getElementById(id);
const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

// What is decided about each pair: what the file said, then what was remembered.
const decided = pairs.map((pair) => ({ ...pair.decided }));
const words = pairs.map((pair) => plain([pair.question, pair.answer, pair.title, pair.tags.join(" ")].join("\n")));
let shown = [];
let place = 0;
let unsaved = false;
// What was decided here, the last one at the end: the pair's number and its decision before.
const made = [];

// What the server doesn't have yet, by pair. One request at a time, so that they arrive in their order.
const waiting = new Map();
let sending = null;

async function post(path, body) {
  const headers = { "Content-Type": "application/json", "X-Understudy": "page" };
  let response;
  try {
    response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  } catch {
    throw new Error("The program doesn't answer. Is it still running (understudy review)?");
  }
  if (!response.ok) throw new Error((await response.json()).error);
  return response.json();
}

async function send() {
  while (waiting.size) {
    const [number, entry] = waiting.entries().next().value;
    const pair = pairs[number];
    try {
      await post("/api/decisions", { video_id: pair.curation_video_id, slot: pair.slot, question_sha256: pair.question_sha256, ...entry });
    } catch (error) {
      say(`Not saved: ${error.message} It is tried again with the next decision.`);
      break;
    }
    if (waiting.get(number) === entry) waiting.delete(number);
    if (!waiting.size) say("Saved in data/curation.csv; the next understudy run applies it.");
  }
  unsaved = waiting.size > 0;
  sending = null;
}

function keepOnServer(number) {
  waiting.set(number, { ...decided[number] });
  unsaved = true;
  sending ??= send();
}

function remember(isSaved = false) {
  if (served) return;
  unsaved = !isSaved;
  const changed = {};
  decided.forEach((entry, number) => {
    if (JSON.stringify(entry) !== JSON.stringify(pairs[number].decided)) changed[pairs[number].key] = entry;
  });
  try {
    localStorage.setItem(MEMORY, JSON.stringify({ applied, isSaved, changed }));
  } catch {
    say("This browser keeps nothing: save before you close the page.");
  }
}

// What was saved and then applied by a run is in the file now, which may have been edited since.
function recall() {
  if (served) return;
  let memory = null;
  try {
    memory = JSON.parse(localStorage.getItem(MEMORY));
  } catch {
    return;
  }
  if (!memory || (memory.isSaved && memory.applied !== applied)) return;
  const changed = memory.changed;
  let count = 0;
  pairs.forEach((pair, number) => {
    if (Object.hasOwn(changed, pair.key)) {
      decided[number] = { ...decided[number], ...changed[pair.key] };
      count += 1;
    }
  });
  if (count) {
    unsaved = !memory.isSaved;
    say(`${count} decisions from your last visit are back${unsaved ? ", and not saved yet" : ""}.`);
  }
}

const say = (text) => { byId("message").textContent = text; };

function choices(select, entries, all) {
  for (const [value, text] of [["", all], ...entries]) select.add(new Option(text, value));
  select.addEventListener("change", filter);
}

function counted(values) {
  const counts = new Map();
  for (const value of values) counts.set(value, (counts.get(value) || 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1]);
}

function makeChoices() {
  const verdicts = counted(pairs.map((pair) => pair.verdict));
  const remarked = counted(pairs.flatMap((pair) => [...new Set(pair.remarks.map((remark) => remark.verdict))]));
  choices(byId("verdict"), [
    ...verdicts.map(([name, count]) => ["verdict:" + name, `${name === "ok" ? "in the data set" : name} (${count})`]),
    ...remarked.map(([name, count]) => ["remark:" + name, `remark: ${name} (${count})`]),
    ...(pairs.some((pair) => pair.readers_differ)
      ? [["differ:differ", `doctor and second reader differ (${pairs.filter((pair) => pair.readers_differ).length})`]] : []),
  ], "Every verdict");
  choices(byId("decision"), Object.entries(MEANING).map(([value, text]) => ["decision:" + value, text]), "Every decision");
  const titles = new Map(pairs.map((pair) => [pair.video_id, pair.title || "No talk"]));
  choices(byId("video"), [...titles].map(([id, title]) => ["video:" + id, title]), "Every talk");
  choices(byId("tag"), counted(pairs.flatMap((pair) => pair.tags)).map(([tag, count]) => ["tag:" + tag, `${tag} (${count})`]), "Every tag");
  const topics = counted(pairs.map((pair) => pair.topic).filter(Boolean));
  byId("topic").hidden = !topics.length;
  choices(byId("topic"), topics.map(([topic, count]) => ["topic:" + topic, `${topic} (${count})`]), "Every topic");
}

function fits(number, wanted) {
  const pair = pairs[number];
  const value = (id) => byId(id).value.slice(byId(id).value.indexOf(":") + 1);
  if (byId("verdict").value) {
    const isRemark = byId("verdict").value.startsWith("remark:");
    const isDifference = byId("verdict").value.startsWith("differ:");
    if (isDifference ? !pair.readers_differ : isRemark ? !pair.remarks.some((remark) => remark.verdict === value("verdict")) : pair.verdict !== value("verdict")) return false;
  }
  if (byId("decision").value && decided[number].decision !== value("decision")) return false;
  if (byId("video").value && pair.video_id !== value("video")) return false;
  if (byId("topic").value && pair.topic !== value("topic")) return false;
  if (byId("tag").value && !pair.tags.includes(value("tag"))) return false;
  return wanted.every((word) => words[number].includes(word));
}

function filter() {
  const wanted = plain(byId("search").value).split(/\s+/).filter(Boolean);
  const chosen = shown[place];
  shown = pairs.map((_, number) => number).filter((number) => fits(number, wanted));
  byId("height").style.height = shown.length * ROW_HEIGHT + "px";
  choose(Math.max(0, shown.indexOf(chosen)));
}

function element(name, text, kind) {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function drawRows() {
  const list = byId("list");
  const first = Math.max(0, Math.floor(list.scrollTop / ROW_HEIGHT) - MARGIN_ROWS);
  const last = Math.min(shown.length, first + Math.ceil(list.clientHeight / ROW_HEIGHT) + 2 * MARGIN_ROWS);
  const rows = byId("rows");
  rows.style.top = first * ROW_HEIGHT + "px";
  rows.replaceChildren(...shown.slice(first, last).map((number, offset) => row(number, first + offset)));
}

function row(number, position) {
  const pair = pairs[number];
  const made = element("li", "", decided[number].decision);
  const question = element("b", decided[number].edited_question || pair.question);
  question.dir = "auto";
  const state = decided[number].decision ? MEANING[decided[number].decision] : pair.verdict === "ok" ? pair.split : pair.verdict;
  made.append(question, element("span", `${pair.slot} · ${state} · ${pair.title}`));
  made.setAttribute("role", "option");
  made.setAttribute("aria-selected", position === place);
  made.addEventListener("click", () => choose(position));
  return made;
}

function choose(position) {
  place = Math.max(0, Math.min(position, shown.length - 1));
  const list = byId("list");
  const top = place * ROW_HEIGHT;
  if (top < list.scrollTop) list.scrollTop = top;
  if (top + ROW_HEIGHT > list.scrollTop + list.clientHeight) list.scrollTop = top + ROW_HEIGHT - list.clientHeight;
  drawRows();
  drawPair();
}

function drawPair() {
  closeEdit();
  byId("pair").hidden = !shown.length;
  byId("nothing").hidden = shown.length > 0;
  Object.assign(byId("decided"), { max: Math.max(pairs.length, 1), value: decided.filter((entry) => entry.decision).length });
  byId("progress").textContent = `${decided.filter((entry) => entry.decision).length} of ${pairs.length} decided, ${shown.length} shown`;
  if (!shown.length) return;
  const pair = pairs[shown[place]];
  const entry = decided[shown[place]];
  byId("where").textContent = [pair.title, pair.video_id, pair.slot, pair.span, pair.origin, pair.tags.join(", ")].filter(Boolean).join(" · ");
  byId("question").textContent = entry.edited_question || pair.question;
  byId("judgement").textContent = [pair.verdict === "ok" ? `in the data set: ${pair.split}` : `rejected: ${pair.verdict}, ${pair.is_final ? "whatever is decided" : "y keeps it all the same"}`,
    `${pair.tokens} tokens`, entry.decision && `your decision: ${entry.decision}`].filter(Boolean).join(" · ");
  byId("remarks").replaceChildren(...pair.remarks.map((remark) => element("li", `${remark.verdict}: ${remark.says}`, remark.level)));
  drawAnswer(pair, entry);
  byId("rests-on").hidden = !pair.passage;
  byId("said-at").textContent = pair.span;
  byId("said").textContent = pair.passage;
  byId("said-link").hidden = !pair.link;
  if (pair.link) byId("said-link").href = pair.link;
  byId("note").value = entry.note;
  for (const button of document.querySelectorAll("#buttons button[data-decision]")) {
    button.setAttribute("aria-pressed", Boolean(entry.decision) && button.dataset.decision === entry.decision);
  }
  byId("pair").scrollTop = 0;
}

// An answer comes rendered by markdown-it without HTML, links and images; one that was edited here is shown as it is written.
function drawAnswer(pair, entry) {
  const answer = byId("answer");
  if (entry.edited_answer && entry.edited_answer !== pair.answer) answer.replaceChildren(element("pre", entry.edited_answer));
  else answer.innerHTML = pair.rendered;
  globalThis.drawFormulas?.(answer);
}

function decide(decision, edits = { edited_question: "", edited_answer: "" }) {
  if (!shown.length) return;
  const number = shown[place];
  made.push([number, decided[number]]);
  keep(number, { ...decided[number], ...edits, decision });
  choose(decision ? place + 1 : place);
}

function keep(number, entry) {
  decided[number] = entry;
  remember();
  if (served) keepOnServer(number);
}

function undo() {
  if (!made.length) return say("There is nothing to undo.");
  const [number, before] = made.pop();
  keep(number, before);
  if (!shown.includes(number)) {
    for (const id of ["search", "verdict", "decision", "video", "tag"]) byId(id).value = "";
    filter();
  }
  choose(shown.indexOf(number));
  say("Undone.");
}

function openEdit() {
  if (!shown.length) return;
  const pair = pairs[shown[place]];
  const entry = decided[shown[place]];
  byId("edited-question").value = entry.edited_question || pair.question;
  byId("edited-answer").value = entry.edited_answer || pair.answer;
  byId("edit").hidden = false;
  byId("answer").hidden = true;
  byId("edited-answer").focus();
}

function closeEdit() {
  byId("edit").hidden = true;
  byId("answer").hidden = false;
}

// A text field has \n only: what the person left alone stays as it was, and an edited text gets the line ends that it had.
function edited(id, before) {
  const text = byId(id).value;
  if (text === before.replace(/\r\n?/g, "\n")) return "";
  return before.includes("\r\n") ? text.replace(/\n/g, "\r\n") : text;
}

function keepEdit() {
  const number = shown[place];
  const pair = pairs[number];
  const question = edited("edited-question", pair.original_question ?? pair.question);
  const answer = edited("edited-answer", pair.original_answer ?? pair.answer);
  if (!question.trim() && !answer.trim()) {
    say("Nothing was changed.");
    return closeEdit();
  }
  decide("edit", { edited_question: question, edited_answer: answer });
  byId("list").focus();
}

// A spreadsheet takes a text that begins so for a formula; a ' in front is taken off again where the file is read.
const covered = (text) => (/^[=+\-@\t\r']/.test(text) ? `'${text}` : text);
const quoted = (text) => (/[",\r\n]/.test(text) || text.trim() !== text ? `"${text.replaceAll('"', '""')}"` : text);

function curation() {
  const rows = decided.flatMap((entry, number) => {
    const isDecided = entry.decision || entry.note;
    return isDecided ? [[pairs[number].curation_video_id, pairs[number].slot, pairs[number].question_sha256, entry.decision,
      entry.edited_question, entry.edited_answer, entry.note]] : [];
  });
  const lines = [columns, ...untouched, ...rows].map((cells) => cells.map(covered).map(quoted).join(","));
  // With the mark at its beginning Excel reads the file as UTF-8.
  return "\ufeff" + lines.join("\r\n") + "\r\n";
}

function save() {
  if (served) return say(unsaved ? "It isn't all saved yet." : "All of it is in data/curation.csv already.");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([curation()], { type: "text/csv" }));
  link.download = "curation.csv";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  remember(true);
  say("Put curation.csv into the project's data/ folder; the next understudy run applies it.");
}

// Answers of the model, not pairs of the data set: what is right goes into the hand-written pairs, which only the served page writes.
function drawFlags() {
  byId("flagged").hidden = !flags.length;
  byId("flagged").textContent = `Said to be wrong (${flags.length})`;
  byId("flag-list").replaceChildren(...flags.map((flag) => {
    const made = element("section", "");
    const answer = element("div", "", "answer");
    answer.innerHTML = flag.rendered;
    globalThis.drawFormulas?.(answer);
    made.append(element("h3", flag.question), answer);
    if (flag.note) made.append(element("p", `Note: ${flag.note}`, "note"));
    made.append(...flag.passages.map(flaggedPassage), element("p", flag.when, "when"), ...(served ? [rightAnswer(flag)] : []));
    for (const part of made.children) part.dir = "auto";
    return made;
  }));
}

function rightAnswer(flag) {
  const form = element("form", "", "right");
  const label = element("label", "The right answer, as the teacher would give it");
  const text = element("textarea", "");
  Object.assign(text, { rows: 6, value: flag.right, dir: "auto" });
  const button = element("button", "Keep it as a hand-written pair");
  const said = element("span", flag.right ? "It is one already." : "", "written");
  said.setAttribute("role", "status");
  label.append(text);
  form.append(label, button, " ", said);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const { file } = await post("/api/right-answers", { question: flag.question, answer: text.value, link: flag.passages[0]?.link ?? "" });
      said.textContent = `It is in ${file}; the next understudy run takes it up.`;
    } catch (error) {
      said.textContent = `Not kept: ${error.message}`;
    }
  });
  return form;
}

function flaggedPassage(passage) {
  const made = element("details", "");
  const heading = element("summary", passage.heading);
  if (passage.link) {
    const link = element("a", "open");
    Object.assign(link, { href: passage.link, target: "_blank", rel: "noopener noreferrer" });
    heading.append(" ", link);
  }
  made.append(heading, element("blockquote", passage.text));
  return made;
}

const next = () => choose(place + 1);
const previous = () => choose(place - 1);
const KEYS = {
  j: next, ArrowDown: next, k: previous, ArrowUp: previous, y: () => decide("keep"), n: () => decide("reject"), e: openEdit,
  u: undo, x: () => decide(""), s: save, "/": () => byId("search").focus(), "?": () => byId("keys").showModal(),
};
const IN_WORDS = [
  ["j, ↓", "next pair"], ["k, ↑", "pair before"], ["y", "keep"], ["n", "reject"], ["e", "edit"], ["Ctrl Enter", "keep the edit"],
  ["u", "undo the last decision, wherever it was"], ["x", "clear the decision on this pair"], ["/", "search"],
  ...(served ? [] : [["s", "save curation.csv"]]), ["Esc", "leave a field, close what is open"], ["?", "this list"],
];

function pressed(event) {
  if (document.querySelector("dialog[open]")) return;
  const isWriting = event.target.matches("input, textarea, select");
  if (event.key === "Escape" && isWriting) {
    closeEdit();
    event.target.blur();
  } else if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !byId("edit").hidden) keepEdit();
  else if (!isWriting && !event.ctrlKey && !event.metaKey && !event.altKey && Object.hasOwn(KEYS, event.key)) KEYS[event.key]();
  else return;
  event.preventDefault();
}

recall();
makeChoices();
document.addEventListener("keydown", pressed);
byId("list").addEventListener("scroll", drawRows, { passive: true });
byId("search").addEventListener("input", filter);
drawFlags();
byId("keys-list").replaceChildren(...IN_WORDS.map(([key, words]) => {
  const line = element("div", "");
  const term = element("dt", "");
  term.append(element("kbd", key));
  line.append(term, element("dd", words));
  return line;
}));
byId("save").hidden = Boolean(served);
byId("undo").addEventListener("click", undo);
byId("show-keys").addEventListener("click", () => byId("keys").showModal());
byId("flagged").addEventListener("click", () => byId("flags").showModal());
byId("save").addEventListener("click", save);
byId("cancel").addEventListener("click", closeEdit);
byId("edit").addEventListener("submit", (event) => { event.preventDefault(); keepEdit(); });
byId("note").addEventListener("input", (event) => keep(shown[place], { ...decided[shown[place]], note: event.target.value }));
for (const button of document.querySelectorAll("#buttons button[data-decision]")) {
  button.addEventListener("click", () => (button.dataset.decision === "edit" ? openEdit() : decide(button.dataset.decision)));
}
window.addEventListener("resize", drawRows);
window.addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
filter();
if (served && flags.some((flag) => !flag.right)) byId("flags").showModal();
