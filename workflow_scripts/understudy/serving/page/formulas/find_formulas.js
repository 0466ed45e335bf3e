// Finds formulas in Markdown for markdown-it: $...$, $$...$$, \(...\) and \[...\]. understudy/text/formulas.py finds the same for pages that are
// written by Python; a test compares them.
const [LONGEST, MOST_LINES] = [2000, 100];
const CLOSES = { "$$": "$$", "\\[": "\\]", "\\(": "\\)", $: "$" };
const isWordSign = (sign) => /[\p{L}\p{N}_$\\]/u.test(sign);

/** Where the formula ends that begins at a place of a text; 0 where none begins. Sums of money are none. */
export function formulaEnd(text, at) {
  const open = Object.keys(CLOSES).find((signs) => text.startsWith(signs, at));
  if (!open || (open[0] === "$" && at > 0 && isWordSign(text[at - 1]))) return 0;
  const first = at + open.length;
  if (open === "$" && /\s/.test(text[first] ?? " ")) return 0;
  const close = CLOSES[open];
  for (let here = first; here < Math.min(text.length, at + LONGEST); here += text[here] === "\\" ? 2 : 1) {
    if (text[here] === "`") return 0;
    if (!text.startsWith(close, here)) continue;
    const after = text[here + close.length] ?? " ";
    if (here === first || !text.slice(first, here).trim()) return 0;
    if (open === "$" && (/\s/.test(text[here - 1]) || /[0-9$]/.test(after))) return 0;
    return here + close.length;
  }
  return 0;
}

function inline(state, silent) {
  const end = formulaEnd(state.src, state.pos);
  if (!end) return false;
  if (!silent) state.push("formula", "span", 0).content = state.src.slice(state.pos, end);
  state.pos = end;
  return true;
}

// One that has lines of its own, which a list or a heading might be seen in otherwise.
function block(state, startLine, endLine, silent) {
  const begin = state.bMarks[startLine] + state.tShift[startLine];
  if (state.sCount[startLine] - state.blkIndent >= 4 || !["$$", "\\["].some((signs) => state.src.startsWith(signs, begin))) return false;
  let last = startLine;
  while (last + 1 < Math.min(endLine, startLine + MOST_LINES) && !state.isEmpty(last + 1) && state.sCount[last + 1] >= state.blkIndent) last += 1;
  const lines = [];
  for (let line = startLine; line <= last; line += 1) lines.push(state.src.slice(state.bMarks[line] + state.tShift[line], state.eMarks[line]).trim());
  for (let count = 1; count <= lines.length; count += 1) {
    const source = lines.slice(0, count).join("\n");
    const end = formulaEnd(source, 0);
    if (end && end < source.length) return false;
    if (!end) continue;
    if (!silent) {
      state.line = startLine + count;
      Object.assign(state.push("formula_block", "div", 0), { content: source, map: [startLine, state.line], block: true });
    }
    return true;
  }
  return false;
}

/** Make a MarkdownIt find formulas, and write them as text in an element of the class `formula`. */
export function findFormulas(renderer) {
  const { escapeHtml } = renderer.utils;
  renderer.inline.ruler.before("escape", "formula", inline);
  renderer.block.ruler.before("fence", "formula_block", block, { alt: ["paragraph", "reference", "blockquote", "list"] });
  renderer.renderer.rules.formula = (tokens, number) => `<span class="formula">${escapeHtml(tokens[number].content)}</span>`;
  renderer.renderer.rules.formula_block = (tokens, number) => `<div class="formula" tabindex="0">${escapeHtml(tokens[number].content)}</div>\n`;
}
