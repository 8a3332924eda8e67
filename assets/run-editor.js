/* The editor of a code cell: CodeJar on the page's own <pre>, with the page's colours. Loaded at the first "Edit". */
import { CodeJar } from "./vendor/codejar/codejar.js";

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

/* Make `pre` an editor for `text`. Shift-Enter and Ctrl-Enter call `run`, Escape calls `leave`; returns a function that closes. */
export function open(pre, text, label, { changed, run, leave }) {
  const keys = (event) => {
    if (event.key === "Escape") leave();
    else if (event.key === "Enter" && (event.shiftKey || event.ctrlKey || event.metaKey)) run();
    else return;
    event.preventDefault();
  };
  pre.addEventListener("keydown", keys); // before CodeJar's own, which leaves alone what has been dealt with
  pre.textContent = text;
  const jar = CodeJar(pre, (element) => { element.innerHTML = highlighted(element.textContent); }, { tab: "    ", indentOn: /[([{:]$/, addClosing: false });
  pre.style.whiteSpace = "pre";
  pre.setAttribute("role", "textbox");
  pre.setAttribute("aria-multiline", "true");
  pre.setAttribute("aria-label", label);
  pre.tabIndex = 0;
  jar.onUpdate(changed);
  pre.focus();
  return () => {
    jar.destroy();
    pre.removeEventListener("keydown", keys);
    for (const name of ["contenteditable", "role", "aria-multiline", "aria-label", "spellcheck", "style"]) pre.removeAttribute(name);
  };
}
