/* The editor of a code cell: a text field, so that every browser's keys, undo and screen reader work, over the page's own
   <pre>, which shows the same text in colour. Loaded at the first "Edit". */

const KEYWORDS = "and as assert async await break class continue def del elif else except finally for from global if import in " +
  "is lambda nonlocal not or pass raise return try while with yield match case";
const BUILTINS = "abs all any bool bytes dict divmod enumerate filter float frozenset hash int isinstance iter len list map max min " +
  "next object open pow print property range repr reversed round set sorted str sum super tuple type zip";
const CLASSES = [
  ["c1", /#.*/], ["s2", /(?:\b[rbfuRBFU]{1,2})?(?:"""[^]*?(?:"""|$)|'''[^]*?(?:'''|$)|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?)/],
  ["nd", /@[\w.]+/], ["mi", /\b(?:0[xob][\da-fA-F_]+|\d[\d_]*(?:\.[\d_]+)?(?:[eE][+-]?\d+)?)\b/], ["bp", /\b(?:self|cls)\b/],
  ["kc", /\b(?:None|True|False)\b/], ["nf", /(?<=\bdef\s+)\w+/], ["nc", /(?<=\bclass\s+)\w+/],
  ["k", new RegExp(`\\b(?:${KEYWORDS.replaceAll(" ", "|")})\\b`)], ["nb", new RegExp(`(?<!\\.)\\b(?:${BUILTINS.replaceAll(" ", "|")})\\b`)],
];
const TOKEN = new RegExp(CLASSES.map(([, pattern]) => `(${pattern.source})`).join("|"), "g");

const escaped = (text) => text.replace(/[&<>]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[sign]);

/* Python text as HTML with the classes that the page's style sheet knows. */
export function highlighted(text) {
  let html = "", at = 0;
  for (const found of text.matchAll(TOKEN)) {
    const kind = CLASSES[found.slice(1).findIndex((group) => group !== undefined)][0];
    html += `${escaped(text.slice(at, found.index))}<span class="${kind}">${escaped(found[0])}</span>`;
    at = found.index + found[0].length;
  }
  return html + escaped(text.slice(at));
}

/* Put a text field over `pre`. Shift-Enter and Ctrl-Enter call `run`, Escape calls `leave`. Returns the field; its `close`
   puts the page's <pre> back as it was. */
export function open(pre, label, { run, leave }) {
  const published = pre.innerHTML, box = document.createElement("div"), field = document.createElement("textarea");
  const paint = () => { pre.innerHTML = `${highlighted(field.value)}\n`; };
  box.className = "run-editor";
  pre.replaceWith(box);
  box.append(pre, field);
  field.value = pre.textContent.replace(/\n+$/, "");
  Object.assign(field, { spellcheck: false, autocapitalize: "off", autocomplete: "off", wrap: "off" });
  field.setAttribute("aria-label", label);
  pre.setAttribute("aria-hidden", "true");
  paint();
  field.addEventListener("input", paint);
  field.addEventListener("keydown", (event) => {
    const { key, shiftKey } = event;
    if (key === "Escape") leave();
    else if (key === "Enter" && (shiftKey || event.ctrlKey || event.metaKey)) run();
    else if (key === "Enter" && !event.isComposing) breakLine(field);
    else if (key === "Tab" && !event.ctrlKey && !event.altKey) indent(field, shiftKey);
    else return;
    event.preventDefault();
  });
  field.focus();
  field.setSelectionRange(0, 0);
  field.close = () => {
    pre.innerHTML = published;
    pre.removeAttribute("aria-hidden");
    box.replaceWith(pre);
  };
  return field;
}

/* As typed, so that undo takes it back. */
const insert = (text) => document.execCommand("insertText", false, text);
const lineStart = ({ value }, at) => value.lastIndexOf("\n", at - 1) + 1;

function breakLine(field) {
  const line = field.value.slice(lineStart(field, field.selectionStart), field.selectionStart);
  insert(`\n${line.match(/^ */)[0]}${/[:([{]$/.test(line) ? "    " : ""}`);
}

function indent(field, less) {
  const { selectionStart: from, selectionEnd: to, value } = field;
  if (!less && from === to) return insert("    ");
  const start = lineStart(field, from), end = Math.max(start, to - (to > from && value[to - 1] === "\n"));
  const old = value.slice(start, end), text = less ? old.replace(/^ {1,4}/gm, "") : old.replace(/^/gm, "    ");
  const first = old.split("\n")[0].length - text.split("\n")[0].length;
  field.setSelectionRange(start, end);
  if (text) insert(text); else document.execCommand("delete");
  field.setSelectionRange(Math.max(start, from - first), to + text.length - old.length);
}
