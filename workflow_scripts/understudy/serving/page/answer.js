// One answer as it is written: only blocks that changed are drawn again, so that 5,000 words stay quick.
import { make } from "./elements.js";
import "./formulas/katex.js";
import "./formulas/formulas.js";
import { blocksOf } from "./markdown.js";
import { weave } from "./sentences.js";

export class Answer {
  /** `element` shows what `show` was given last. */
  constructor() {
    this.element = make("div", { class: "body", dir: "auto" });
    this.drawn = [];
  }

  show(text, sentences = []) {
    blocksOf(text).forEach((html, number, { length }) => {
      const block = document.createElement("template");
      const key = html + keyOf(html, sentences);
      if (number === length - 1) this.forget(length);
      if (this.drawn[number]?.key === key) return;
      block.innerHTML = html;
      weave(block.content, text, sentences);
      drawFormulas(block.content);
      const element = make("div", { class: "block" }, block.content);
      if (this.drawn[number]) this.drawn[number].element.replaceWith(element);
      else this.element.append(element);
      this.drawn[number] = { key, element };
    });
    if (!text.trim()) this.forget(0);
  }

  forget(length) {
    for (const { element } of this.drawn.splice(length)) element.remove();
  }
}

/** What of the sentences a block shows, in short. */
function keyOf(html, sentences) {
  const places = [...html.matchAll(/data-at="(\d+)"/g)].map((found) => Number(found[1]));
  if (!places.length) return "";
  const [first, last] = [places[0], places.at(-1)];
  const inside = sentences.filter((one) => one.end > first && one.start <= last + html.length);
  return JSON.stringify(inside.map(({ start, end, claims, place, marks }) => [start, end, claims, place?.link, marks]));
}
