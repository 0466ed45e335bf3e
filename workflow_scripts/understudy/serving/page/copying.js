// An answer for the clipboard: its markdown, with the link to the second behind each sentence that has a place.
import { clock, webAddress } from "./elements.js";

/** The answer with its links, its passages and the notice, as markdown. */
export function answerToCopy({ answer, sentences, sources }, notice) {
  let text = answer;
  for (const { end, place } of [...sentences].sort((a, b) => b.end - a.end)) {
    if (place) text = `${text.slice(0, end)} ${linkTo(place)}${text.slice(end)}`;
  }
  const listed = sources.map((source) => `- ${source.heading}: ${webAddress(source.href) ?? source.link}`);
  const passages = listed.length ? `From the talks:\n${listed.join("\n")}` : "";
  return [text.trim(), passages, notice].filter(Boolean).join("\n\n");
}

function linkTo(place) {
  const href = webAddress(place.href);
  return href ? `([${place.start_s === null ? "talk" : clock(place.start_s)}](${href}))` : `(${place.link})`;
}

/** Put a text into the clipboard; where the page has no right to it (plain http from another machine), by a selection. */
export async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const held = document.createElement("textarea");
  held.value = text;
  held.className = "unseen";
  document.body.append(held);
  held.select();
  const isCopied = document.execCommand("copy");
  held.remove();
  if (!isCopied) throw new Error("The browser doesn't let the page copy.");
}
