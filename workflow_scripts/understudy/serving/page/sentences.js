// The sentences of an answer in its HTML: each one's place and marks stand where it ends.
import { clock, make, unseen } from "./elements.js";
import { holdsCard, nameOf } from "./place_card.js";

/** Write the sentences into a block of an answer. A sentence whose text isn't in the block is left out. */
export function weave(block, answer, sentences) {
  const ends = new Map();
  for (const piece of block.querySelectorAll("[data-at]")) {
    for (const part of cutPiece(piece, answer, sentences)) ends.set(part.sentence, part.node);
  }
  for (const [sentence, node] of ends) {
    if (sentence.claims) endOf(node).after(placeOf(sentence));
  }
}

// Nothing that is pressed stands inside a link.
const endOf = (node) => node.closest("a")?.nextElementSibling ?? node.closest(":not(pre) > code") ?? node;

/** Cut a piece of text at the ends of its sentences and marks; the parts that belong to a sentence, each with its element. */
function cutPiece(piece, answer, sentences) {
  const text = piece.textContent;
  const begin = Number(piece.dataset.at);
  const end = begin + text.length;
  const parts = [];
  const children = [];
  let at = begin;
  for (const sentence of sentences.filter((one) => one.start < end && one.end > begin)) {
    const [first, last] = [Math.max(sentence.start, at), Math.min(sentence.end, end)];
    if (last <= first) continue;
    if (first > at) children.push(text.slice(at - begin, first - begin));
    const node = make("span", { class: "sentence", "data-start": sentence.start }, ...withMarks(text, begin, first, last, marksIn(answer, sentence)));
    parts.push({ sentence, node });
    children.push(node);
    at = last;
  }
  if (parts.length) piece.replaceChildren(...children, text.slice(at - begin));
  return parts;
}

/** The marks of a sentence, each with where it stands in the answer. */
function marksIn(answer, sentence) {
  let from = sentence.start;
  return sentence.marks.flatMap(({ kind, text }) => {
    const start = text ? answer.indexOf(text, from) : -1;
    if (start < 0 || start + text.length > sentence.end) return [];
    from = start + text.length;
    return [{ kind, start, end: from }];
  });
}

/** The text from `first` to `last`, counted in the answer, with its marks. */
function withMarks(text, begin, first, last, marks) {
  const nodes = [];
  let at = first;
  for (const mark of marks) {
    const [start, end] = [Math.max(mark.start, at), Math.min(mark.end, last)];
    if (end <= start) continue;
    nodes.push(text.slice(at - begin, start - begin));
    nodes.push(make("mark", {}, text.slice(start - begin, end - begin), unseen(` (${nameOf(mark.kind)} not at the nearest place)`)));
    at = end;
  }
  nodes.push(text.slice(at - begin, last - begin));
  return nodes;
}

/** The second of a sentence's place, or that it has none; pressed, hovered or focused it shows the talk's words. */
function placeOf(sentence) {
  const { place } = sentence;
  const shown = !place ? "no place" : place.start_s === null ? "talk" : clock(place.start_s);
  const name = place ? `Nearest place in the talks: ${place.heading}` : "This sentence has no place in the talks";
  const button = make("button", { type: "button", "data-start": sentence.start, class: place ? "place" : "place none", "aria-label": name, text: shown });
  holdsCard(button, sentence);
  // Joined to the sentence, so that no line begins with it.
  return make("sup", {}, "\u2060", button);
}
