"use strict";
// The held-out questions, searched and looked at one by one; only the chosen one's answers are drawn.
const { models, rows } = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const plain = (text) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
let words = null;
let shown = [];
let place = 0;

function element(name, text, kind) {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

// An answer comes rendered by markdown-it without HTML, links and images. What it says is read when a search needs it first.
function wordsOf(row) {
  const reader = document.createElement("template");
  reader.innerHTML = row.answers.map((answer) => answer.html).join("\n");
  return plain([row.question, row.where, reader.content.textContent].join("\n"));
}

const flagsOf = (row) => row.answers.flatMap((answer, number) => answer.flags.map((flag) => `${flag} (${models[number]})`));

// As in: cut off (Base, Tuned).
function flagsInWords(row) {
  const named = new Map();
  row.answers.forEach((answer, number) => answer.flags.forEach((flag) => named.set(flag, [...(named.get(flag) || []), models[number]])));
  return [...named].map(([flag, names]) => `${flag} (${names.join(", ")})`).join(", ");
}

function makeFlags() {
  const counts = new Map();
  for (const flag of rows.flatMap(flagsOf)) counts.set(flag, (counts.get(flag) || 0) + 1);
  byId("flag").add(new Option("Every question", ""));
  for (const [flag, count] of [...counts].sort((a, b) => b[1] - a[1])) byId("flag").add(new Option(`${flag}: ${count}`, flag));
  byId("flag").hidden = !counts.size;
}

function filter() {
  const wanted = plain(byId("search").value).split(/\s+/).filter(Boolean);
  const flag = byId("flag").value;
  const chosen = shown[place];
  if (wanted.length && !words) words = rows.map(wordsOf);
  const fits = (number) => (!flag || flagsOf(rows[number]).includes(flag)) && wanted.every((word) => words[number].includes(word));
  shown = rows.map((_, number) => number).filter(fits);
  byId("list").replaceChildren(...shown.map(option));
  byId("count").textContent = `${shown.length} of ${rows.length} questions`;
  choose(Math.max(0, shown.indexOf(chosen)));
}

function option(number, position) {
  const row = rows[number];
  const made = element("li", "");
  const question = element("b", row.question);
  question.dir = "auto";
  made.append(question, element("span", row.where));
  const flags = flagsInWords(row);
  if (flags) made.append(element("span", flags, "bad"));
  made.id = "option-" + number;
  made.setAttribute("role", "option");
  made.setAttribute("aria-selected", "false");
  made.addEventListener("click", () => choose(position));
  return made;
}

function choose(position) {
  const list = byId("list");
  list.querySelector("[aria-selected=true]")?.setAttribute("aria-selected", "false");
  place = Math.max(0, Math.min(position, shown.length - 1));
  byId("chosen").hidden = !shown.length;
  byId("nothing").hidden = shown.length > 0;
  const chosen = list.children[place];
  if (!chosen) return list.removeAttribute("aria-activedescendant");
  chosen.setAttribute("aria-selected", "true");
  list.setAttribute("aria-activedescendant", chosen.id);
  keepInSight(list, chosen);
  draw(rows[shown[place]]);
}

// Not scrollIntoView, which would move the page, too.
function keepInSight(list, chosen) {
  const top = chosen.offsetTop - list.offsetTop;
  if (top < list.scrollTop) list.scrollTop = top;
  else if (top + chosen.offsetHeight > list.scrollTop + list.clientHeight) list.scrollTop = top + chosen.offsetHeight - list.clientHeight;
}

function draw(row) {
  byId("where").textContent = `${row.where} · row ${row.number}`;
  byId("question").textContent = row.question;
  byId("judged").replaceChildren(...row.judge.map((said) => element("li", said)));
  byId("columns").replaceChildren(...row.answers.map((answer, number) => column(models[number], answer)));
}

function column(name, answer) {
  const made = element("section", "");
  const body = element("div", "", "answer");
  body.dir = "auto";
  body.innerHTML = answer.html;
  globalThis.drawFormulas?.(body);
  for (const wide of body.querySelectorAll("pre, table")) wide.tabIndex = 0;
  made.setAttribute("aria-label", name);
  made.append(element("h4", name), element("p", answer.facts, "facts"));
  if (answer.flags.length) made.append(element("p", answer.flags.join(", "), "flags"));
  made.append(answer.html.trim() ? body : element("p", "(no answer)", "facts"));
  return made;
}

const page = () => Math.max(1, Math.floor(byId("list").clientHeight / 60));
const IN_LIST = {
  ArrowDown: () => choose(place + 1), ArrowUp: () => choose(place - 1), Home: () => choose(0), End: () => choose(shown.length - 1),
  PageDown: () => choose(place + page()), PageUp: () => choose(place - page()),
};
const ANYWHERE = { j: () => choose(place + 1), k: () => choose(place - 1), "/": () => byId("search").focus() };
const IN_SEARCH = { ArrowDown: () => byId("list").focus(), Enter: () => byId("list").focus(), Escape: () => byId("list").focus() };

function keysFor(target) {
  if (target === byId("search")) return IN_SEARCH;
  if (target.matches("input, select, textarea")) return {};
  return target === byId("list") ? { ...IN_LIST, ...ANYWHERE } : ANYWHERE;
}

function pressed(event) {
  const keys = keysFor(event.target);
  if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(keys, event.key)) return;
  event.preventDefault();
  keys[event.key]();
}

// What a link leads to, and what is printed, is unfolded.
function unfold() {
  const part = document.getElementById(location.hash.slice(1));
  part?.querySelector("details.part")?.setAttribute("open", "");
}

// On a telephone the first screens would be long.
document.querySelector("#answers details").open = innerWidth > 760;
unfold();
addEventListener("hashchange", unfold);
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((details) => { details.open = true; }));
for (const answer of document.querySelectorAll("#examples .answer")) globalThis.drawFormulas?.(answer);
makeFlags();
byId("browser").hidden = false;
document.addEventListener("keydown", pressed);
byId("search").addEventListener("input", filter);
byId("flag").addEventListener("change", filter);
filter();
