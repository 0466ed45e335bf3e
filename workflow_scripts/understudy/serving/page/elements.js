// Elements are made here, and their text is text: nothing that came from outside is read as HTML.

export const byId = (id) => document.getElementById(id);

/** An element with properties (`text`, `class`, `on...` and attributes) and children. */
export function make(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key === "text") made.textContent = value;
    else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** What a screen reader says and nobody sees. */
export const unseen = (text) => make("span", { class: "unseen", text });

/** Say something to a screen reader without moving the focus. */
export function announce(text) {
  byId("status").textContent = text;
}

/** 2:06, or 1:02:06 from an hour on. */
export function clock(seconds) {
  const whole = Math.floor(seconds);
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** A link that opens at the second in a tab of its own; the text alone where the talk is a local file. */
export function placeLink(place, text) {
  const href = webAddress(place.href);
  if (!href) return make("span", { text: place.link, dir: "auto" });
  return make("a", { href, target: "_blank", rel: "noopener noreferrer", text }, unseen(" (opens a new tab)"));
}

/** The address if it is https, or null. */
export function webAddress(href) {
  return typeof href === "string" && URL.canParse(href) && new URL(href).protocol === "https:" ? href : null;
}
