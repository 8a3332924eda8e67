/* Code cells that are edited and run where they stand. Before the first click this script loads nothing; then run-worker.js
   starts Python in the background, from the site itself. The bars with the buttons are in the page: see
   designbook/publish/run_in_place.py, which also wrote every cell's source to _static/cells/. */
(function () {
  "use strict";
  const here = document.currentScript, site = new URL("..", here.src);
  const make = (tag, name, text = "") => Object.assign(document.createElement(tag), { className: name, textContent: text });
  const cells = new Map([...document.querySelectorAll(".run-bar")].map((bar) => [+bar.dataset.run, cell(bar)]));
  const heard = make("p", "dbk-unseen");
  heard.setAttribute("role", "status");
  let chapter = null, worker = null, answer = null, shown = null, busy = null;
  let ran = []; // the source with which each cell ran last; what stands at and after the first gap has yet to run

  function cell(bar) {
    const [go, edit, reset] = bar.querySelectorAll("button"), box = bar.closest("div.cell");
    return { number: +bar.dataset.run, box, go, edit, reset, note: bar.querySelector(".run-note"), pre: bar.parentNode.querySelector("pre"), published: box.querySelector(".cell_output") };
  }
  const own = (c) => Boolean(c.field) && c.field.value !== c.text;
  const source = (number) => { const c = cells.get(number); return c && own(c) ? c.field.value : chapter[number].source; };
  function say(c, text, loud = true) {
    c.note.textContent = text;
    c.note.classList.remove("run-cost");
    if (loud) heard.textContent = text;
  }

  /* -- running */

  async function run(c) {
    const hindered = hindrance();
    if (busy || hindered) return say(c, hindered || `Cell ${busy.number} is running: wait for it, or stop it.`);
    busy = c;
    label(c.go, "Stop");
    c.box.setAttribute("aria-busy", "true");
    try {
      say(c, "Starting ...");
      chapter = chapter || await ask(`_static/cells/${here.dataset.cells}.json`);
      const packages = [...new Set(chapter.slice(0, c.number + 1).flatMap((each) => each.needs))];
      if (!worker) await begin(c, packages);
      await through(c);
    } catch (problem) {
      if (problem !== STOPPED) end();
      say(c, problem === STOPPED ? "Stopped. What was computed is gone: the next run begins with the first cell." : `${problem.message || problem}`);
    }
    busy = null;
    c.box.removeAttribute("aria-busy");
    label(c.go, "Run");
  }

  /* Run the cells above that have not run as they stand now, in order, and then this one. */
  async function through(c) {
    let from = 0;
    while (from < c.number && ran[from] === source(from)) from++;
    const failures = [];
    for (let number = from; number <= c.number; number++) {
      const at = cells.get(number), last = number === c.number;
      const differs = [...cells.values()].some((each) => own(each) && each.number <= number);
      shown = at && (last || differs || at.output) ? { at, box: null } : null;
      say(c, last ? "Running ..." : `Running the cells above: ${number + 1} of ${c.number} ...`, number === from || last);
      ran.length = number;
      const text = source(number), { failed, seconds } = await post({ run: number, source: text, name: `cell ${number}` });
      ran[number] = text;
      if (shown) finish(at, failed);
      if (failed && !last && at && own(at)) throw `Not run, because your cell ${number} above failed: ${failed}`;
      /* An assertion above holds a sentence of the text to its number: after an edit it may well fail. */
      if (failed && !last && !(differs && failed.startsWith("AssertionError"))) failures.push(`${number} (${failed.split(":")[0]})`);
      if (!last) continue;
      const above = failures.length ? ` Of the cells above, these failed here: ${failures.join(", ")}.` : "";
      say(c, (failed ? `Failed: ${failed}.` : `Done in ${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s.`) + above);
    }
  }

  function hindrance() {
    if (location.protocol === "file:") return "A page opened from a folder may not start Python. Run make serve in the book's folder, and open the address that it shows.";
    if (!window.Worker || !window.WebAssembly) return "This browser cannot run Python: it has no web workers or no WebAssembly. A current one can.";
    return "";
  }
  async function ask(path) {
    const reply = await fetch(new URL(path, site)).catch(() => ({}));
    if (!reply.ok) throw UNREACHED;
    return reply.json();
  }

  /* -- the worker: one question at a time */

  const STOPPED = {}, UNREACHED = "Python could not be loaded: is there a connection? Then run it again.";
  const post = (message) => new Promise((resolve, reject) => { answer = { resolve, reject }; worker.postMessage(message); });

  function begin(c, packages) {
    say(c, "Loading Python ...");
    worker = new Worker(new URL("run-worker.js", here.src));
    worker.onerror = () => answer.reject(UNREACHED);
    worker.onmessage = ({ data }) => {
      if (data.state) say(busy, data.state);
      else if (data.kind) show(data);
      else if (data.missing) answer.reject(UNREACHED);
      else if (data.broken) answer.reject(`Python stopped: ${data.broken.split("\n")[0]}. The next run begins with the first cell.`);
      else answer.resolve(data);
    };
    return post({ start: new URL("lite/static/pyodide/", site).href, packages }).then(({ ready }) => {
      document.documentElement.dataset.python = ready.toFixed(2);
      for (const each of cells.values()) if (each !== c) say(each, "", false);
    });
  }
  function end() {
    if (worker) worker.terminate();
    worker = null;
    ran = [];
  }
  function stop() {
    end();
    if (answer) answer.reject(STOPPED);
  }

  /* -- what is shown under a cell; what was published comes back with "Reset" */

  function show({ kind, text }) {
    if (!shown) return;
    const html = kind === "text/html", box = shown.box || (shown.box = make("div", "cell_output run-output"));
    let part = box.lastChild;
    if (html) {
      part = make("div", "output text_html");
      part.innerHTML = text;
    } else {
      if (!part || part.dataset.kind !== kind) part = make("div", `output ${kind === "stdout" ? "stream" : kind}`);
      part.dataset.kind = kind;
      const pre = part.querySelector("pre") || part.appendChild(make("pre", ""));
      pre.append(text);
      pre.tabIndex = 0;
    }
    box.append(part);
    if (!box.isConnected) replace(shown.at, box);
    /* A panel's script registers the panel: one that was written by innerHTML has to be made again to run. */
    for (const old of html ? part.querySelectorAll("script") : []) old.replaceWith(make("script", "", old.textContent));
    if (html) part.dispatchEvent(new CustomEvent("designbook-shown", { bubbles: true }));
  }
  function replace(at, box) {
    const old = at.output || at.published;
    if (old) old.replaceWith(box);
    else (at.box.matches(".tag_hide-cell") ? at.box.querySelector("details") : at.box).append(box);
    at.output = box;
    at.reset.hidden = false;
  }
  function finish(at, failed) {
    const box = shown.box || make("div", "cell_output run-output");
    if (!shown.box) replace(at, box);
    box.prepend(make("p", "run-mark", `Cell ${at.number}, run here${failed || box.children.length ? "" : ": no output"}`));
    shown = null;
  }

  /* -- editing */

  async function edit(c) {
    if (c.field) return c.field.focus();
    const hindered = hindrance();
    if (hindered) return say(c, hindered);
    const editor = await import(new URL("run-editor.js", here.src)).catch(() => null);
    if (!editor) return say(c, "The editor could not be loaded: is there a connection?");
    if (c.field) return;
    c.field = editor.open(c.pre, `Code of cell ${c.number}. Shift and Enter run it, Escape leaves it.`, {
      run: () => run(c),
      leave: () => c.go.focus(),
    });
    c.text = c.field.value;
    c.reset.hidden = false;
    say(c, "Shift-Enter runs, Escape leaves");
  }
  function reset(c) {
    if (busy === c) stop();
    if (c.field) c.field.close();
    if (c.output) c.published ? c.output.replaceWith(c.published) : c.output.remove();
    c.field = c.output = undefined;
    c.reset.hidden = true;
    say(c, "As published.");
    c.go.focus();
  }

  function label(button, text) {
    button.textContent = text;
    button.setAttribute("aria-label", button.getAttribute("aria-label").replace(/^\w+/, text));
  }
  for (const c of cells.values()) {
    for (const button of [c.go, c.edit, c.reset]) button.disabled = false;
    c.go.addEventListener("click", () => (busy === c ? stop() : run(c)));
    c.edit.addEventListener("click", () => edit(c));
    c.reset.addEventListener("click", () => reset(c));
    if (location.protocol === "file:") c.note.textContent = "runs after make serve";
  }
  if (cells.size) document.querySelector("article").append(heard);
})();
