// An answer's markdown, by markdown-it: HTML stays text, links lead to the web alone, pictures are never loaded.
import { findFormulas } from "./formulas/find_formulas.js";
import MarkdownIt from "./markdown-it.js";

const renderer = new MarkdownIt({ html: false, linkify: false, typographer: false, breaks: true });
const { escapeHtml } = renderer.utils;
// Without joining, a text that stands otherwise in the source, as `&amp;` and `\*`, is a token of its own.
renderer.core.ruler.disable("text_join");
renderer.core.ruler.push("places_in_source", findTexts);
findFormulas(renderer);
renderer.validateLink = (address) => /^https?:\/\//i.test(address);

const located = (token, html) => (token.meta?.at === undefined ? html : `<span data-at="${token.meta.at}">${html}</span>`);
const written = (tokens, number) => located(tokens[number], escapeHtml(tokens[number].content));
const inCode = (tokens, number) => `<code>${written(tokens, number)}</code>`;
const block = (tokens, number) => `<pre tabindex="0">${inCode(tokens, number)}</pre>\n`;
Object.assign(renderer.renderer.rules, {
  text: written,
  text_special: written,
  code_inline: inCode,
  code_block: block,
  fence: block,
  image: (tokens, number, options, environment, self) => escapeHtml(self.renderInlineAsText(tokens[number].children, options, environment)),
  table_open: () => '<div class="wide" tabindex="0" role="group" aria-label="Table"><table>\n',
  table_close: () => "</table></div>\n",
  // A heading of an answer stands below the page's own.
  heading_open: (tokens, number) => `<h${heading(tokens[number])}>`,
  heading_close: (tokens, number) => `</h${heading(tokens[number])}>\n`,
  th_open: cell,
  td_open: cell,
  link_open: (tokens, number) =>
    `<a href="${escapeHtml(tokens[number].attrGet("href"))}" target="_blank" rel="noopener noreferrer nofollow">`,
  // Where a link that a model wrote leads is said beside it.
  link_close: (tokens, number) => `</a><span class="host"> (${escapeHtml(hostOf(tokens, number))})</span>`,
});

const heading = (token) => Math.min(6, Number(token.tag.slice(1)) + 2);

// The page's policy allows no style at an element, which is how markdown-it aligns.
function cell(tokens, number) {
  const aligned = /text-align:(left|center|right)/.exec(tokens[number].attrGet("style") ?? "");
  return `<${tokens[number].tag}${aligned ? ` class="${aligned[1]}"` : ""}>`;
}

function hostOf(tokens, number) {
  while (tokens[number].type !== "link_open") number -= 1;
  const address = tokens[number].attrGet("href");
  return URL.canParse(address) ? new URL(address).host : address;
}

/** Write to each piece of text where it stands in the source (`meta.at`); one that can't be found has none. */
function findTexts(state) {
  const lines = [0];
  for (let at = state.src.indexOf("\n"); at >= 0; at = state.src.indexOf("\n", at + 1)) lines.push(at + 1);
  let cursor = 0;
  const find = (token, source, end) => {
    const at = source ? state.src.indexOf(source, cursor) : -1;
    if (at < 0 || at + source.length > end) return;
    token.meta = { at };
    cursor = at + source.length;
  };
  for (const token of state.tokens) {
    if (token.map) cursor = Math.max(cursor, lines[token.map[0]]);
    const end = token.map ? (lines[token.map[1]] ?? state.src.length) : state.src.length;
    if (["fence", "code_block"].includes(token.type)) find(token, token.content, end);
    for (const child of token.type === "inline" ? token.children : []) {
      if (child.type === "text_special") find(child, child.markup, end);
      else if (["text", "code_inline", "formula"].includes(child.type)) find(child, child.content, end);
    }
  }
}

/** The HTML of each block of an answer: a paragraph, a list, a table. */
export function blocksOf(answer) {
  const environment = {};
  // markdown-it makes one sign of a line end of two, by which all places behind it would move.
  const tokens = renderer.parse(answer.replaceAll("\r\n", " \n"), environment);
  const blocks = [];
  let first = 0;
  tokens.forEach((token, number) => {
    if (token.level === 0 && token.nesting <= 0) {
      blocks.push(renderer.renderer.render(tokens.slice(first, number + 1), renderer.options, environment));
      first = number + 1;
    }
  });
  return blocks;
}
