// The list of conversations.
import { byId, make } from "./elements.js";
import { ask } from "./server.js";

const UNTITLED = "New conversation";

/** Draw the list anew. `chosen` is called with the id of one that is chosen, `deleted` with that of one that is gone, or null for all. */
export async function drawList(current, chosen, deleted) {
  const trouble = byId("list-trouble");
  let conversations;
  try {
    ({ conversations } = await ask("GET", "/api/conversations"));
  } catch (error) {
    trouble.textContent = error.status ? error.message : "This list may be old: the program doesn't answer.";
    trouble.hidden = false;
    return;
  }
  trouble.hidden = true;
  byId("delete-all").hidden = !conversations.length;
  byId("list").replaceChildren(...conversations.map((one) => item(one, one.id === current, chosen, deleted)));
}

function item({ id, title }, isCurrent, chosen, deleted) {
  const name = title || UNTITLED;
  const link = make("a", { href: `?c=${encodeURIComponent(id)}`, text: name, dir: "auto", title: name, "aria-current": isCurrent ? "page" : null });
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    chosen(id);
  });
  const remove = make("button", { class: "plain delete", "aria-label": `Delete: ${name}`, text: "×" });
  remove.addEventListener("click", () => deleteOne(id, name, deleted));
  return make("li", {}, link, remove);
}

async function deleteOne(id, name, deleted) {
  if (await isSure("Delete this conversation?", `“${name}” is deleted from the project's folder.`)) {
    await remove(`/api/conversations/${encodeURIComponent(id)}`, () => deleted(id));
  }
}

/** Delete every conversation, after a question. */
export async function deleteAll(deleted) {
  if (await isSure("Delete all conversations?", "Every question and answer of this project's conversations is deleted from its folder.")) {
    await remove("/api/conversations", () => deleted(null));
  }
}

async function remove(path, then) {
  try {
    await ask("DELETE", path, {});
    then();
  } catch (error) {
    byId("list-trouble").textContent = error.message;
    byId("list-trouble").hidden = false;
  }
}

function isSure(heading, text) {
  const dialog = byId("really");
  byId("really-heading").textContent = heading;
  byId("really-text").textContent = text;
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((answer) => dialog.addEventListener("close", () => answer(dialog.returnValue === "yes"), { once: true }));
}
