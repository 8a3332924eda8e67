/* The estimation drill: draws inputs, asks for an estimate, grades what is typed, and shows how it comes about.

   Drills register themselves like panels: (window.designbookDrills = window.designbookDrills || []).push({...}).
   A question is its address, ?drill=MODEL.ESTIMATE.SEED, and each input is drawn by its own name from the seed: a new
   input or estimate changes no question that somebody has shared. Answers are read by answer.js and numbers written by
   panel.js, both loaded before this. */
(function () {
  "use strict";
  const waiting = (window.designbookDrills = window.designbookDrills || []);
  if (waiting.grade) return;

  const GRADES = [[1.1, "Spot on"], [2, "Within a factor of two"], [10, "The right order of magnitude"], [Infinity, "Off"]];

  /* 0 within 10 %, 1 within a factor of two, 2 within a factor of ten, 3 further off; either way. */
  function grade(answer, right) {
    const off = Math.max(answer / right, right / answer);
    return GRADES.findIndex(([most]) => off <= most);
  }

  /* -- questions */

  /* A number from 0 to 1 that follows from the text alone. */
  function chance(text) {
    let h = 2166136261;
    for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 16777619);
    h = Math.imul(h ^ (h >>> 16), 2246822507);
    h = Math.imul(h ^ (h >>> 13), 3266489909);
    return ((h ^ (h >>> 16)) >>> 0) / 4294967296;
  }

  /* The inputs of a question in base units, and the model at them. Draws again where the estimate is nothing, or endless. */
  function draw(spec, model, name, seed) {
    const { inputs } = spec.models[model];
    for (let turn = 0; ; turn++) {
      const values = {};
      for (const [input, { unit, steps }] of Object.entries(inputs)) {
        const rules = spec.units[unit], step = steps[Math.floor(chance(`${seed} ${turn} ${input}`) * steps.length)];
        values[input] = (step * rules.multiply) / rules.divide;
      }
      const at = Object.assign(Object.create(spec.code[model]), values);
      if ((at[name] > 0 && Number.isFinite(at[name])) || turn > 50) return { values, at };
    }
  }

  /* Whether each step is arithmetic: what a procedure or a function computes nobody has in the head. */
  function easy(laid, name) {
    return laid.asked[name].steps.every((step) => laid.formulas[step] && (laid.formulas[step].match(/\w+(?=\()/g) || []).every((called) => /^(?:ceil|floor|round|max|min|log)$/.test(called)));
  }

  /* How many times too much: 1.5 ×, 1,000 times. */
  const times = (off, short) => (off < 1000 ? short(off) : `${Number(off.toPrecision(2)).toLocaleString("en-US")} times`);

  const seeded = () => Math.random().toString(36).slice(2, 8).padEnd(4, "0");
  const one = (list) => list[Math.floor(Math.random() * list.length)];

  function start(spec) {
    const root = spec.root || document.querySelector("[data-drill]");
    if (!root || "live" in root.dataset) return;
    root.dataset.live = "";
    const find = (selector) => root.querySelector(selector), form = find("form"), { answer, timed, show, next } = form.elements;
    const status = find("[role=status]"), steps = find("[data-steps]"), clock = find("[data-clock]"), link = find("[data-link]");
    const choice = form.elements.model, tally = [0, 0, 0, 0];
    let question = null, began = 0, ticking = 0, over = false;
    find("[data-question]").id = "drill-question";
    find("[data-given]").id = "drill-given";
    answer.setAttribute("aria-describedby", "drill-question drill-given");

    const shown = (value, unit) => window.designbook.human(value, spec.units[unit]);
    const item = (words) => Object.assign(document.createElement("li"), { textContent: words });
    function say(words, strong = "", good = true) {
      status.className = strong ? (good ? "dbk-right" : "dbk-wrong") : "";
      status.replaceChildren(...(strong ? [Object.assign(document.createElement("b"), { textContent: strong })] : []), ` ${words}`);
    }

    function ask(model, name, seed) {
      const laid = spec.models[model], asked = laid.asked[name], part = (each) => laid.parts[each];
      const { at } = draw(spec, model, name, seed);
      question = { model, name, seed, asked, at, unit: part(name)[1], done: false };
      find("[data-question]").replaceChildren(Object.assign(document.createElement("b"), { textContent: `${laid.title}.` }), ` ${asked.question}`);
      find("[data-given]").replaceChildren(...asked.given.map((each) => item(`${part(each)[0]}: ${shown(at[each], part(each)[1])}`)));
      find("[data-example]").textContent = `such as ${asked.example}`;
      const query = new URLSearchParams(location.search);
      query.set("drill", `${model}.${name}.${seed}`);
      link.setAttribute("href", `?${query}`);
      answer.value = "";
      steps.hidden = true;
      say("");
      reckon();
    }
    function another(focus) {
      const model = (choice && choice.value) || one(Object.keys(spec.models)), names = Object.keys(spec.models[model].asked).filter((name) => easy(spec.models[model], name));
      ask(model, one(names.filter((name) => !question || name !== question.name)) || names[0], seeded());
      if (focus) answer.focus();
    }
    function derive() {
      const { model, asked, at } = question, laid = spec.models[model], spelt = (name) => name.replace(/_/g, " ");
      const put = (each) => shown(at[each], laid.parts[each][1]), field = /\{(\w+)\}/g;
      steps.replaceChildren(...asked.steps.map((each) => {
        const formula = laid.formulas[each];
        if (!formula) return item(`${spelt(each)} = ${put(each)}`);
        return item(`${spelt(each)} = ${formula.replace(field, (_, name) => spelt(name))} = ${formula.replace(field, (_, name) => put(name))} = ${put(each)}`);
      }));
      steps.hidden = false;
      question.done = true;
      clearInterval(ticking);
    }
    function check(event) {
      event.preventDefault();
      if (question.done) return another(true);
      const { asked, at, name, unit } = question, given = window.designbookAnswer.read(answer.value, asked);
      if (given.hint) return say(given.hint);
      if (asked.percent && at[name] <= 1 && given.value > 1) return say("This share cannot be more than 100 %.");
      const right = at[name], found = grade(given.value, right), off = given.value / right;
      const apart = found === 0 ? "" : `, ${times(Math.max(off, 1 / off), (many) => shown(many, "times"))} too ${off > 1 ? "much" : "little"}`;
      const took = timed.checked ? ` In ${Math.round((Date.now() - began) / 1000)} s.` : "";
      derive();
      say(`It is ${shown(right, unit)}; you said ${shown(given.value, unit)}${apart}.${took}`, `${GRADES[found][1]}.`, found < 3);
      tally[found]++;
      find("[data-score]").textContent = `So far: ${GRADES.map(([, words], i) => `${tally[i]} ${words.toLowerCase()}`).join(", ")}.`;
      return next.focus();
    }

    /* The clock says when its time is over, and an answer counts all the same. */
    const ALLOWED = 90;
    function reckon() {
      clearInterval(ticking);
      began = Date.now();
      over = false;
      clock.textContent = "";
      if (!timed.checked || question.done) return;
      tick();
      ticking = setInterval(tick, 500);
    }
    function tick() {
      const left = Math.ceil(ALLOWED - (Date.now() - began) / 1000);
      clock.textContent = left > 0 ? `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}` : "0:00";
      if (left <= 0 && !over) {
        over = true;
        say("Time is up. Take the number that you have: it still counts.");
      }
    }

    form.addEventListener("submit", check);
    show.addEventListener("click", () => { derive(); say(`It is ${shown(question.at[question.name], question.unit)}.`); });
    next.addEventListener("click", () => another(true));
    timed.addEventListener("change", reckon);
    if (choice) choice.addEventListener("change", () => another(false));
    const wanted = new URLSearchParams(location.search).get("drill"), [model, name, seed] = (wanted || "").split(".");
    const known = /^\w+\.\w+\.[a-z0-9]{1,12}$/.test(wanted || "") && Object.hasOwn(spec.models, model) && Object.hasOwn(spec.models[model].asked, name);
    if (known) ask(model, name, seed);
    else another(false);
    form.hidden = false;
    if (wanted && !known) say("The address names a question that is not here: this is another one.");
  }

  function begin() {
    const queue = waiting.splice(0);
    window.designbookDrills = { push: start, grade, draw, easy };
    queue.forEach(start);
  }
  if (document.readyState === "complete") begin();
  else document.addEventListener("DOMContentLoaded", begin, { once: true });
})();
