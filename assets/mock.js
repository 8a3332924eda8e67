/* The mock interview: a clock by phase, the interviewer's prompts, notes, the rubric, and the rounds so far.

   Prompts and answers are taken from the interviewer's sheets on the page. A round is saved in this browser with each
   letter, so that a reload in the middle loses nothing; time counts while the page is open. */
(function () {
  "use strict";
  const root = document.querySelector("[data-practise=mock]");
  document.querySelectorAll("[data-print]").forEach((button) => {
    button.hidden = false;
    button.addEventListener("click", () => window.print());
  });
  if (!root || !window.designbookKeep) return;

  const find = (selector) => root.querySelector(selector);
  const rubric = JSON.parse(find("[data-rubric]").textContent), LEVELS = Object.keys(rubric.levels), MOST = 50;
  const setup = find("[data-setup]"), round = find("[data-round]"), review = find("[data-review]"), past = find("[data-past]");
  const notes = find("[data-notes]"), clock = find("[data-clock]"), prompts = find("[data-prompts]"), phases = find("[data-phases]");
  const facts = find("[data-facts]"), factsAsked = find("[data-facts-asked]"), factsList = find("[data-facts-list]");
  const grades = find("[data-grades]"), status = find("[role=status]"), pause = find("[data-pause]"), next = find("[data-next]");
  const keep = window.designbookKeep("designbook.rounds", say);
  function say(words) { status.textContent = words; }
  const save = () => keep.save(state);
  const sheet = (system) => document.querySelector(`[data-sheets] [data-system="${system}"]`);
  /* What a candidate may ask about a system, with the interviewer's answers. */
  const questions = (system) => [...sheet(system).querySelectorAll("[data-clarify]")].map((each) => ({
    key: each.dataset.clarify, ask: each.querySelector("[data-words]"), answer: each.querySelector("[data-answer]"),
  }));
  const title = (of) => (sheet(of.system) ? sheet(of.system).querySelector("summary").textContent : of.system);
  const label = (of) => `${title(of)}, ${rubric.levels[of.level].toLowerCase()}, ${of.minutes} minutes`;
  const length = (of, at) => (rubric.phases[at].minutes * 60 * of.minutes) / rubric.minutes;
  const words = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
  const state = sound(keep.load());
  let now = state.current, running = false, last = 0;
  const make = (tag, text, attributes = {}) => Object.assign(document.createElement(tag), { textContent: text, ...attributes });

  /* What was kept, if it is whole; else a new beginning. */
  function sound(read) {
    const list = (value, of) => Array.isArray(value) && value.length === rubric.phases.length && value.every(of);
    const whole = (one) => one && sheet(one.system) && LEVELS.includes(one.level) && one.minutes > 0 && one.minutes <= 240
      && rubric.phases[one.at] && list(one.spent, (value) => value >= 0) && list(one.notes, (value) => typeof value === "string")
      && list(one.asked, (value) => Array.isArray(value) && value.every((key) => /^[a-z0-9_-]+$/.test(key)))
      && list(one.told, (value) => Number.isInteger(value)) && (one.clarified === undefined || Array.isArray(one.clarified)) && typeof one.grades === "object" && one.grades !== null && /^[\d-]{10}$/.test(one.day);
    const fine = read && typeof read === "object" && Array.isArray(read.past);
    /* Rounds of before one could ask have no list of what was asked. */
    const full = (one) => ({ ...one, clarified: questions(one.system).map(({ key }) => key).filter((key) => (one.clarified || []).includes(key)) });
    return { version: 1, current: fine && whole(read.current) ? full(read.current) : null, past: fine ? read.past.filter(whole).slice(0, MOST).map(full) : [] };
  }

  /* -- a round */

  /* Which prompts come in each phase: those of the level first, then of the nearest; what an earlier round had, last. */
  function draw(system, level) {
    const all = [...sheet(system).querySelectorAll("[data-ask]")], met = new Set(state.past.flatMap((each) => each.asked.flatMap((keys, at) => keys.slice(0, each.told[at]))));
    const far = (each) => Math.abs(LEVELS.indexOf(each.dataset.level) - LEVELS.indexOf(level)) + (met.has(each.dataset.ask) ? 3 : 0);
    const MANY = { design: [1, 0], deep_dive: [2, 1] };
    return rubric.phases.map(({ id }) => {
      const here = all.filter((each) => each.closest("[data-part]").dataset.part === id), [probes, follow] = MANY[id] || [0, 0];
      const drawn = here.map((each) => [far(each) + Math.random() / 2, each]).sort((a, b) => a[0] - b[0]).map(([, each]) => each);
      const follows = (each) => "follows" in each.dataset;
      const some = id === "failure" ? drawn.slice(0, 2) : [...drawn.filter((each) => !follows(each)).slice(0, probes), ...drawn.filter(follows).slice(0, follow)];
      return some.map((each) => each.dataset.ask);
    });
  }
  function begin(event) {
    event.preventDefault();
    const { system, level, minutes } = setup.elements, names = [...system.options].map(({ value }) => value).filter(Boolean);
    const chosen = system.value || names[Math.floor(Math.random() * names.length)], none = (value) => rubric.phases.map(() => value);
    const day = new Date(), two = (part) => String(part).padStart(2, "0");
    now = state.current = {
      system: chosen, level: level.value, minutes: +minutes.value, day: `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`,
      at: 0, spent: none(0), notes: none(""), asked: draw(chosen, level.value), told: none(0), clarified: [], grades: {}, judging: false, paused: false,
    };
    save();
    enter(0, true);
  }
  function enter(at, focus) {
    now.at = at;
    if (focus) now.paused = false;
    pause.textContent = now.paused ? "Go on" : "Pause";
    setup.hidden = review.hidden = true;
    round.hidden = false;
    /* The sheets have the answers: none stands open beside a round. */
    document.querySelectorAll(".dbk-sheet[open]").forEach((each) => { each.open = false; });
    const { name } = rubric.phases[at];
    find("[data-title]").textContent = label(now);
    find("[data-phase]").textContent = `${at + 1}. ${name}`;
    phases.replaceChildren(...rubric.phases.map((phase, i) => {
      const item = make("li", phase.name);
      if (i === at) item.setAttribute("aria-current", "step");
      return item;
    }));
    prompts.replaceChildren();
    facts.open = false;
    answered();
    notes.value = now.notes[at];
    notes.setAttribute("aria-label", `Your notes: ${name}`);
    find("[data-back]").disabled = at === 0;
    next.textContent = at + 1 < rubric.phases.length ? "Next phase" : "End and judge";
    find("[data-end]").hidden = at + 1 === rubric.phases.length;
    say("");
    tell();
    if (!running) {
      running = true;
      setInterval(tick, 1000);
    }
    last = Date.now();
    show();
    if (focus) find("[data-phase]").focus();
    save();
  }
  /* The prompts of this phase so far: its own, then each that its time has brought. */
  function tell() {
    const here = rubric.phases[now.at], asked = now.asked[now.at].map((key) => document.querySelector(`[data-sheets] [data-ask="${key}"] [data-words]`)).filter(Boolean);
    /* A failure has a name from the start. */
    const named = here.id === "failure" && asked.length > 0, lines = named ? [] : [here.says];
    if (named) now.told[now.at] = Math.max(now.told[now.at], 1);
    if (now.at === 0) lines.unshift(`Today’s system: ${title(now)}.`);
    const said = [...lines, ...asked.slice(0, now.told[now.at])].slice(prompts.children.length);
    for (const each of said) {
      const item = make("li", "");
      item.append(...(typeof each === "string" ? [each] : each.cloneNode(true).childNodes));
      prompts.append(item);
    }
    find("[data-more]").hidden = now.told[now.at] >= asked.length;
  }
  /* The questions that may be asked; those that were asked come first, with their answers. */
  function answered() {
    const open = questions(now.system), at = (key) => now.clarified.indexOf(key);
    factsAsked.textContent = now.clarified.length ? `(${now.clarified.length} asked)` : "";
    factsList.replaceChildren(...[...open.filter(({ key }) => at(key) >= 0), ...open.filter(({ key }) => at(key) < 0)].map(({ key, ask, answer }) => {
      const item = make("li", "", { tabIndex: -1 });
      if (at(key) >= 0) {
        item.append(make("b", ask.textContent), ` ${answer.textContent}`);
        return item;
      }
      const button = make("button", ask.textContent, { type: "button" });
      button.addEventListener("click", () => {
        now.clarified.push(key);
        answered();
        factsList.children[now.clarified.length - 1].focus();
        save();
      });
      item.append(button);
      return item;
    }));
  }
  function tick() {
    const passed = Math.min((Date.now() - last) / 1000, 120);
    last = Date.now();
    if (round.hidden || now.paused) return;
    const { at } = now, before = now.spent[at], all = length(now, at), total = now.spent.reduce((a, b) => a + b);
    now.spent[at] += passed;
    /* Prompts are spread over the first two thirds of the phase. */
    const due = now.asked[at].filter((_, i) => now.spent[at] >= (all * 2 * (i + 1)) / (3 * (now.asked[at].length + 1))).length;
    if (due > now.told[at]) {
      now.told[at] = due;
      tell();
    }
    if (before < all && now.spent[at] >= all) say(`The time for “${rubric.phases[at].name}” is over. Finish the thought, and go on when you are ready.`);
    if (total < now.minutes * 60 && total + passed >= now.minutes * 60) say(`The ${now.minutes} minutes are over. An interviewer would end here; you may go on.`);
    save();
    show();
  }
  function show() {
    const left = length(now, now.at) - now.spent[now.at], total = now.spent.reduce((a, b) => a + b);
    clock.textContent = `${left >= 0 ? `${words(Math.ceil(left))} left here` : `${words(-left)} over here`} · ${words(total)} of ${now.minutes}:00`;
    const ended = total >= now.minutes * 60;
    clock.classList.toggle("dbk-wrong", left <= 0 || ended);
    find("[data-notice]").textContent = ended ? `The ${now.minutes} minutes are over.` : left <= 0 ? "The time for this phase is over." : "";
  }
  notes.addEventListener("input", () => {
    now.notes[now.at] = notes.value;
    save();
  });
  next.addEventListener("click", () => (now.at + 1 < rubric.phases.length ? enter(now.at + 1, true) : judge(now, true)));
  find("[data-back]").addEventListener("click", () => enter(now.at - 1, true));
  find("[data-end]").addEventListener("click", () => judge(now, true));
  find("[data-more]").addEventListener("click", () => {
    now.told[now.at]++;
    tell();
    save();
  });
  pause.addEventListener("click", () => {
    tick();
    now.paused = !now.paused;
    pause.textContent = now.paused ? "Go on" : "Pause";
    save();
    say(now.paused ? "The clock stands." : "The clock runs again.");
  });

  /* -- judging */

  /* Points of 100 by the grades given, and how many criteria have none yet. */
  function points(of) {
    const best = rubric.points[rubric.points.length - 1], given = rubric.criteria.filter(({ id }) => id in of.grades);
    return { sum: given.reduce((sum, { id, weight }) => sum + (weight * rubric.points[of.grades[id]]) / best, 0), open: rubric.criteria.length - given.length };
  }
  function verdict(of) {
    const { sum, open } = points(of), bar = rubric.bars[of.level];
    if (open) return `${open} of ${rubric.criteria.length} criteria ${open === 1 ? "is" : "are"} not judged yet.`;
    return `${Math.round(sum)} of 100 points. The bar of this level is ${Math.round(bar)}: ${Math.round(sum) >= Math.round(bar) ? "you are at or above it" : "you are below it"}.`;
  }
  const shares = rubric.grades.map((name, grade) => `${name} gives ${Math.round((100 * rubric.points[grade]) / rubric.points[rubric.points.length - 1])} %`).join(", ");
  function judge(of, focus) {
    now = of;
    now.judging = true;
    round.hidden = setup.hidden = true;
    review.hidden = false;
    find("[data-judged]").textContent = `${label(of)}: your notes, and what the chapter says`;
    find("[data-compare]").replaceChildren(...rubric.phases.map((phase, at) => {
      const part = make("div", "", { className: "dbk-compare" }), mine = make("div", ""), own = make("details", "");
      const field = make("textarea", "", { value: of.notes[at], rows: 4, maxLength: 20000 });
      field.setAttribute("aria-label", `Your notes: ${phase.name}`);
      field.addEventListener("input", () => {
        of.notes[at] = field.value;
        save();
      });
      mine.append(make("p", `${phase.name}, ${words(of.spent[at])} of ${words(length(of, at))}`, { className: "dbk-front" }), field);
      if (at === 0) mine.append(make("p", learnt(of), { className: of.clarified.length ? "dbk-why" : "dbk-why dbk-wrong" }));
      own.append(make("summary", `The chapter’s answer: ${phase.name.toLowerCase()}`), answers(of, phase, at));
      part.append(mine, own);
      return part;
    }));
    for (const input of grades.querySelectorAll("input")) input.checked = String(of.grades[input.name]) === input.value;
    find("[data-points]").textContent = verdict(of);
    find("[data-bar]").textContent = `The bar of this level is ${Math.round(rubric.bars[of.level])} of 100 points. Of a criterion’s points ${shares}.`;
    if (focus) {
      say("");
      find("[data-judged]").focus();
    }
    save();
  }
  /* What was asked of the interviewer in a round, and what was not. */
  function learnt(of) {
    const all = questions(of.system), missed = all.filter(({ key }) => !of.clarified.includes(key)), list = (some) => some.map(({ ask }) => ask.textContent).join(" ");
    if (!of.clarified.length) return `You asked the interviewer none of ${all.length} questions: every number above is a guess of yours.`;
    return `You asked ${of.clarified.length} of ${all.length} questions.${missed.length ? ` Not asked: ${list(missed)}` : ""}`;
  }
  /* The chapter's own answers to a phase, with what was asked in this round before what was not. */
  function answers(of, phase, at) {
    const own = sheet(of.system).querySelector(`[data-part="${phase.id}"] [data-own]`).cloneNode(true);
    const told = of.asked[at].slice(0, of.told[at]), asked = (each) => told.includes(each.dataset.ask);
    const turn = (each) => (asked(each) ? told.indexOf(each.dataset.ask) : told.length);
    const probes = [...own.querySelectorAll("[data-ask]")].sort((a, b) => turn(a) - turn(b));
    for (const each of probes) {
      if (asked(each)) each.querySelector("p").prepend(make("b", "You were asked: "));
      each.removeAttribute("data-ask");
    }
    if (probes.length) probes[0].before(...probes);
    return own;
  }
  grades.addEventListener("change", (event) => {
    now.grades[event.target.name] = +event.target.value;
    find("[data-points]").textContent = verdict(now);
    save();
  });
  grades.addEventListener("submit", (event) => event.preventDefault());
  find("[data-done]").addEventListener("click", () => {
    if (state.current === now) {
      state.past = [now, ...state.past].slice(0, MOST);
      state.current = null;
    }
    save();
    rest("This round is among yours, below.");
  });

  /* -- rounds so far */

  function rest(said) {
    round.hidden = review.hidden = true;
    setup.hidden = false;
    now = null;
    list();
    if (said) {
      say(said);
      setup.elements.system.focus();
    }
  }
  function list() {
    past.hidden = !state.past.length;
    find("[data-rounds]").replaceChildren(...state.past.map((each) => {
      const item = make("li", `${each.day}: ${label(each)}. ${verdict(each)} `), open = make("button", "Look at it", { type: "button" });
      open.setAttribute("aria-label", `Look at it: ${each.day}, ${label(each)}`);
      open.addEventListener("click", () => judge(each, true));
      item.append(open);
      return item;
    }));
  }
  function markdown(of) {
    const lines = [`# Mock interview: ${label(of)}, ${of.day}`, "", verdict(of), ""];
    rubric.phases.forEach((phase, at) => {
      lines.push(`## ${phase.name} (${words(of.spent[at])} of ${words(length(of, at))})`, "");
      if (at === 0) {
        const asked = questions(of.system).filter(({ key }) => of.clarified.includes(key));
        lines.push(...asked.map(({ ask, answer }) => `- You asked: ${ask.textContent} ${answer.textContent}`));
        if (!asked.length) lines.push("- You asked the interviewer nothing.");
      }
      for (const key of of.asked[at].slice(0, of.told[at])) {
        const asked = document.querySelector(`[data-sheets] [data-ask="${key}"] [data-words]`);
        if (asked) lines.push(`- Asked: ${asked.textContent}`);
      }
      /* Quoted, so that no line of the notes is read as a heading, a fence or a table of the file. */
      lines.push("", of.notes[at].trim().replace(/^/gm, "> ").replace(/^> $/, "(no notes)"), "");
    });
    lines.push("## Rubric", "", "| criterion | grade |", "|---|---|");
    for (const { id, name } of rubric.criteria) lines.push(`| ${name} | ${id in of.grades ? rubric.grades[of.grades[id]] : "not judged"} |`);
    return `${lines.join("\n").replace(/\n{3,}/g, "\n\n")}\n`;
  }
  find("[data-file]").addEventListener("click", () => {
    window.designbookFile(`mock-${now.system}-${now.day}.md`, "text/markdown", markdown(now));
    say("The round is in the file.");
  });
  find("[data-all]").addEventListener("click", () => {
    window.designbookFile("mock-interviews.md", "text/markdown", state.past.map(markdown).join("\n"));
    say("Your rounds are in the file mock-interviews.md.");
  });
  window.designbookTwice(find("[data-delete]"), "Really delete all", () => {
    state.past = [];
    save();
    rest("Your rounds are deleted.");
  });

  setup.addEventListener("submit", begin);
  list();
  if (!now) setup.hidden = false;
  else if (now.judging) judge(now, false);
  else {
    enter(now.at, false);
    say(now.paused ? "Your round is where you left it. The clock stands." : "Your round goes on where you left it.");
  }
})();
