/* The estimation drill: draws inputs, asks for an estimate, grades what is typed, and shows how it comes about.

   Drills register themselves like panels: (window.designbookDrills = window.designbookDrills || []).push({...}).
   A question is its address, ?drill=MODEL.ESTIMATE.SEED, and each input is drawn by its own name from the seed: a new
   input or estimate changes no question that somebody has shared. Numbers are written by panel.js, loaded before this. */
(function () {
  "use strict";
  const waiting = (window.designbookDrills = window.designbookDrills || []);
  if (waiting.read) return;

  /* -- what people type: "4k/s", "3.8 TB", "2e12 bytes", "1.5 Gbit/s" */

  const MULTIPLIERS = {
    hundred: 1e2, k: 1e3, thousand: 1e3, m: 1e6, mn: 1e6, mio: 1e6, mil: 1e6, million: 1e6, millions: 1e6,
    b: 1e9, bn: 1e9, g: 1e9, billion: 1e9, billions: 1e9, t: 1e12, tn: 1e12, trillion: 1e12, trillions: 1e12,
  };
  /* How rates are said in short; what they count is left open. */
  const SPOKEN = new Set(["rps", "qps", "tps", "ops", "iops"]);
  /* What people call what the models count. */
  const ALIKE = [["server", "node", "machine", "host", "instance"], ["request", "r", "req", "read", "write", "query", "querie"]];
  const NUMBER = /^(?:\d{1,3}(?:[,_' \u00a0\u202f]\d{3})+(?!\d)|\d+(?=,\d{1,2}(?!\d))|\d+|(?=\.\d))(?:[.,]\d+)?(?:e[+-]?\d{1,3})?/i;
  const POWER = /^\s*(?:\^|\*\*)\s*([+-]?\d{1,3})/, TIMES_TEN = /^\s*[×x*·]\s*10\s*(?:\^|\*\*)\s*([+-]?\d{1,3})/i;
  const TOKEN = /\s*(\/|[$€£¢%×·*]|[a-zµμ]+|\d[\d,_]*(?:\.\d+)?)\s*/iy;
  const SIZE = /^(.*?)(b|bytes?|bits?)(ps)?$/i, SMALL_TIME = /^(.+?)(s|secs?|seconds?)$/i;

  /* What `typed` is in base units, as {value}; or {hint}, if it is not one number of what is asked. */
  function read(typed, asked, words) {
    const like = `Write it like ${asked.example}.`, no = (why) => ({ hint: `${why} ${like}` });
    let rest = typed.trim().replace(/[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+/g, (raised) => `^${raised.replace(/./g, (c) => "⁰¹²³⁴⁵⁶⁷⁸⁹".includes(c) ? "⁰¹²³⁴⁵⁶⁷⁸⁹".indexOf(c) : "-")}`);
    rest = rest.replace(/^(?:[~≈≃=]|about|around|roughly|approx\.?|ca\.?|circa)\s*/i, "");
    const money = /^(?:\$|usd)\s*/i.exec(rest);
    if (money) rest = rest.slice(money[0].length);
    if (!rest) return no("Nothing is written yet.");
    if (/^[-−]/.test(rest)) return no("Nothing here is below zero.");
    const digits = NUMBER.exec(rest);
    if (!digits || !digits[0]) return no("That does not begin with a number.");
    rest = rest.slice(digits[0].length);
    const whole = digits[0].replace(/[,_' \u00a0\u202f](?=\d{3}(?!\d))/g, "").replace(",", ".");
    const ten = TIMES_TEN.exec(rest), raised = !ten && POWER.exec(rest);
    let value = ten ? Number(`${whole}e${ten[1]}`) : raised ? Number(whole) ** Number(raised[1]) : Number(whole);
    if (ten || raised) rest = rest.slice((ten || raised)[0].length);
    if (/^\s*[a-z]*\s*(?:[-–—]|to\b)\s*\d/i.test(rest)) return no("One number, please, not a range.");
    const unit = units(rest.trim(), asked, words, value);
    if (unit.why) return no(unit.why);
    value = unit.value;
    if (money) Object.assign(unit, { named: true, measures: { ...unit.measures, currency: (unit.measures.currency || 0) + 1 } });
    if (!Number.isFinite(value)) return no("That is more than there is.");
    if (!(value > 0)) return no("That is nothing at all.");
    return misfit(unit, asked, no) || { value };
  }

  /* The rest of an answer after its number: factors and units, above and below the line. */
  function units(text, asked, words, value) {
    const measures = {}, said = {};
    let below = false, named = false, percent = false, at = 0;
    while (at < text.length) {
      TOKEN.lastIndex = at;
      const match = TOKEN.exec(text);
      if (!match) return { why: `“${text.slice(at, at + 12)}” says nothing here.` };
      at = TOKEN.lastIndex;
      const word = match[1];
      if (/^(?:\/|per|an?|each|every)$/i.test(word)) { below = true; continue; }
      if (/^[·*]$/.test(word) || /^(?:of|the)$/i.test(word) || (word.toLowerCase() === "us" && !(asked.measures.time > 0))) continue;
      const found = /^\d/.test(word) ? { factor: below ? Number(word.replace(/[,_]/g, "")) : NaN, measures: {} } : meaning(word, asked, words, below, named);
      if (found.why) return found;
      if (!found.factor) return { why: `“${word}” is no unit that fits here.` };
      value = below ? value / found.factor : value * found.factor;
      percent = percent || found.percent;
      named = named || found.named;
      for (const [name, power] of Object.entries(found.measures)) {
        measures[name] = (measures[name] || 0) + (below ? -power : power);
        said[name] = word;
      }
    }
    return { value, measures, said, percent, named };
  }

  /* One word: a factor with what it measures, or why it cannot be told. */
  function meaning(word, asked, words, below, named) {
    const lower = word.toLowerCase(), sized = "information" in asked.measures;
    const unit = (factor, measures) => ({ factor, measures, named: true });
    if (word === "%" || lower === "percent" || lower === "cent" && below) return { factor: lower === "cent" ? 100 : 0.01, measures: {}, percent: true, named: true };
    if (lower === "x") return unit(1, {});
    if (word === "$" || lower === "dollars") return unit(1, { currency: 1 });
    if (/^(?:¢|cents?)$/.test(lower)) return unit(0.01, { currency: 1 });
    if (word === "m" && (asked.measures.time > 0 || (below && !named))) return { why: "“m” may be minutes, months or milli: write min, months or ms." };
    if (Object.hasOwn(MULTIPLIERS, lower) && !(word === "B" && sized)) {
      if (word === "b" && sized) return { why: "“b” may be bits or bytes: write bit or B." };
      return { factor: MULTIPLIERS[lower], measures: {} };
    }
    const spoken = /^([kmg]?)([a-z]+)$/.exec(lower);
    if (spoken && SPOKEN.has(spoken[2])) return unit(MULTIPLIERS[spoken[1]] || 1, { time: -1 });
    const single = lower.replace(/s$/, ""), alike = ALIKE.find((group) => group.includes(single)) || [];
    const meant = single in asked.measures ? "" : alike.find((name) => name in asked.measures);
    if (meant) return unit(...words.units[meant]);
    for (const form of [word, lower, single]) {
      if (Object.hasOwn(words.units, form)) return unit(...words.units[form]);
    }
    const size = SIZE.exec(word), time = SMALL_TIME.exec(word);
    if (size) {
      const [, prefix, what, each] = size, scale = prefix ? large(prefix, words) : 1;
      const bits = /^bit/i.test(what) || (what === "b" && (Boolean(each) || prefix !== prefix.toLowerCase()));
      if (scale) return unit(scale * (bits ? words.units.bit[0] : 1), each ? { information: 1, time: -1 } : { information: 1 });
    }
    if (time && words.prefixes[time[1]] < 1) return unit(words.prefixes[time[1]], { time: 1 });
    return {};
  }

  /* The factor of a prefix of 1,000 or more, however it is written: k, K, kilo, Gi, gibi. */
  function large(prefix, words) {
    const found = Object.entries(words.prefixes).find(([name, factor]) => factor > 1 && name.toLowerCase() === prefix.toLowerCase());
    return found ? found[1] : 0;
  }

  /* A hint if the units do not measure what is asked. What is counted may be left out, but not be something else. */
  function misfit(unit, asked, no) {
    for (const [name, word] of Object.entries(unit.said)) {
      if (["time", "information", "currency"].includes(name)) continue;
      if ((asked.measures[name] || 0) * unit.measures[name] <= 0) return no(`You wrote ${word}, and that is not what is asked for.`);
    }
    const differs = ["time", "information", "currency"].filter((name) => (asked.measures[name] || 0) !== (unit.measures[name] || 0));
    if (differs.length) {
      if (!unit.named) return no("In what? The unit is missing.");
      return no(String(differs) === "time" && asked.measures.time < 0 && !unit.measures.time ? "In what time? Say per second, day or month." : "That unit does not measure what is asked for.");
    }
    if (unit.percent && Object.keys(asked.measures).length) return no("A percentage is not what is asked for.");
    if (asked.percent && !unit.named) return no("As a share or in per cent?");
    return null;
  }

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

  /* For money the period or unit that is asked for: "USD/month/user" is said per month and per user. */
  function per(asked, unit) {
    const below = "currency" in asked.measures ? unit.split("/").slice(1) : [];
    return below.length ? ` Say it ${below.map((name) => `per ${name.replace(/^mega(.*)/, "million $1s").replace(/^kilo(.*)/, "thousand $1s")}`).join(" and ")}.` : "";
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
      find("[data-question]").replaceChildren(Object.assign(document.createElement("b"), { textContent: `${laid.title}: ${name.replace(/_/g, " ")}?` }), ` ${part(name)[0]}.${per(asked, part(name)[1])}`);
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
      const { asked, at, name, unit } = question, given = read(answer.value, asked, spec.words);
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
    window.designbookDrills = { push: start, read, grade, draw, easy };
    queue.forEach(start);
  }
  if (document.readyState === "complete") begin();
  else document.addEventListener("DOMContentLoaded", begin, { once: true });
})();
