"use strict";
// Draws what is marked as a formula, by KaTeX, as MathML: no font, no style and no link comes in with it. A formula is foreign text: one that
// isn't plain, or tries to be more than one, stays as it was written. This is no module, because pages of one file have it inline.
{
  const OPTIONS = { output: "mathml", throwOnError: true, trust: false, strict: true, maxExpand: 200, maxSize: 20 };
  // These two alone would ask for a style.
  const WITHOUT_STYLE = { "\\fcolorbox": "\\boxed{#3}", "\\pmb": "\\boldsymbol{#1}" };
  const DELIMITERS = [["$$", "$$", true], ["\\[", "\\]", true], ["\\(", "\\)", false], ["$", "$", false]];

  function draw(place) {
    const source = place.textContent.trim();
    const [open, close, displayMode] = DELIMITERS.find(([begins]) => source.startsWith(begins));
    const drawn = document.createElement("span");
    try {
      globalThis.katex.render(source.slice(open.length, -close.length), drawn, { ...OPTIONS, displayMode, macros: { ...WITHOUT_STYLE } });
    } catch {
      return;
    }
    place.replaceChildren(...drawn.childNodes);
  }

  /** Draw the formulas in an element, or in a document fragment. */
  globalThis.drawFormulas = (root) => {
    for (const place of root.querySelectorAll(".formula")) if (!place.querySelector("math")) draw(place);
  };
}
