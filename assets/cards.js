/* Cards in Leitner boxes, and the choice of topic and level for cards and quiz, on the page that has all of them.

   The cards are those that stand on the page, folded. A card moves up a box when it was known and back to the first
   when it was not, and comes again after the days of its box. Which card is in which box is kept in this browser. */
(function () {
  "use strict";
  const DAYS = [0, 1, 3, 7, 21], FORMAT = "designbook-cards", LARGEST = 1e6;
  const root = document.querySelector("[data-practise=cards]");
  if (!root || !window.designbookKeep) return;

  const find = (selector) => root.querySelector(selector);
  const all = [...document.querySelectorAll("details[data-card]")].map((element) => ({
    element, id: element.dataset.card, level: element.dataset.level, topic: element.closest("[data-cards]").dataset.cards,
  }));
  const questions = [...document.querySelectorAll("[data-quiz] fieldset")].map((element) => ({
    element, level: element.dataset.level, topic: element.closest("[data-quiz]").dataset.quiz,
  }));
  const form = find("form"), { topic, level, show, knew, missed, ahead } = form.elements;
  const said = find("[role=status]"), front = find("[data-front]"), back = find("[data-back]"), boxes = find("[data-boxes]"), about = find("[data-about]");
  const keep = window.designbookKeep("designbook.cards", say);
  const quiz = window.designbookQuiz;
  const levels = [...level.options].map(({ value }) => value), practised = new Set();
  let shown = null, early = false;

  function say(words) { said.textContent = words; }

  /* The day as 2026-11-23 on the reader's own calendar, `days` later. */
  function day(days = 0) {
    const at = new Date();
    at.setDate(at.getDate() + days);
    return [at.getFullYear(), at.getMonth() + 1, at.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
  }
  /* What is kept, as {id: [box, the day on which it is due]}; {} if it is none of ours. */
  function kept() {
    const found = keep.load(), read = found && check(JSON.stringify(found));
    return read && !read.wrong ? read.cards : {};
  }
  const store = (cards) => keep.save({ format: FORMAT, version: 1, cards });
  const chosen = ({ topic: t, level: l }) => (!topic.value || t === topic.value) && (!level.value || levels.indexOf(l) <= levels.indexOf(level.value));
  const isDue = (card) => !card || card[1] <= day();

  function refresh() {
    const cards = kept(), counts = [0, 0, 0, 0, 0, 0], mine = all.filter(chosen);
    for (const { id } of mine) counts[cards[id] ? cards[id][0] : 0]++;
    for (const each of [...all, ...questions]) each.element.hidden = !chosen(each);
    document.querySelectorAll("[data-topic]").forEach((part) => { part.hidden = !part.querySelector("[data-level]:not([hidden])"); });
    const due = mine.filter(({ id }) => isDue(cards[id]) || (early && !practised.has(id)));
    boxes.textContent = `${due.length} of ${mine.length} to do. New: ${counts[0]}; ${counts.slice(1).map((count, box) => `box ${box + 1}: ${count}`).join(", ")}.`;
    return due;
  }
  /* Puts another card on the table: any that is due, but not the same twice in a row. */
  function deal(focus) {
    const due = refresh(), others = due.filter((card) => card !== shown), from = others.length ? others : due;
    shown = from[Math.floor(Math.random() * from.length)] || null;
    back.hidden = knew.hidden = missed.hidden = true;
    show.hidden = !shown;
    ahead.hidden = Boolean(shown) || !all.some(chosen);
    about.textContent = shown ? [...topic.options].find(({ value }) => value === shown.topic).text : "";
    front.replaceChildren(...(shown ? copy(shown.element.querySelector("summary")) : [all.some(chosen) ? "Nothing is due here today." : "No card is of this topic and level."]));
    back.replaceChildren();
    if (focus) (shown ? show : ahead).focus();
  }
  const copy = (element) => [...element.cloneNode(true).childNodes];

  function turn() {
    back.replaceChildren(...[...shown.element.children].slice(1).map((part) => part.cloneNode(true)));
    back.hidden = knew.hidden = missed.hidden = false;
    show.hidden = true;
    knew.focus();
  }
  function move(known) {
    const cards = kept();
    /* Known again before its day, a card stays where it is: only time shows more. */
    if (known && !isDue(cards[shown.id])) {
      practised.add(shown.id);
      say(`It stays in box ${cards[shown.id][0]} until its day.`);
      return deal(true);
    }
    const box = known ? Math.min((cards[shown.id] ? cards[shown.id][0] : 1) + 1, DAYS.length) : 1;
    cards[shown.id] = [box, day(DAYS[box - 1])];
    say(known ? `Box ${box}: it comes again in ${DAYS[box - 1]} day${DAYS[box - 1] === 1 ? "" : "s"}.` : "Box 1: it comes again today.");
    store(cards);
    return deal(true);
  }

  /* A file of progress as {cards, strange, answers}, or {wrong} with what is wrong with it. Of it only answers to the
     quiz are ever put on the page, as text into their fields. */
  function check(text) {
    if (text.length > LARGEST) return { wrong: "it is larger than 1 MB" };
    let read = null;
    try {
      read = JSON.parse(text);
    } catch (error) {
      return { wrong: "it is not JSON" };
    }
    const plain = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
    if (!plain(read) || read.format !== FORMAT) return { wrong: `its “format” is not “${FORMAT}”` };
    if (read.version !== 1) return { wrong: "its “version” is not 1" };
    if (!plain(read.cards)) return { wrong: "its “cards” are no object" };
    const cards = {}, known = new Set(all.map(({ id }) => id));
    let strange = 0, at = 0;
    for (const [id, value] of Object.entries(read.cards)) {
      at++;
      const [box, due] = Array.isArray(value) && value.length === 2 ? value : [];
      if (!Number.isInteger(box) || box < 1 || box > DAYS.length) return { wrong: `card ${at} has no box from 1 to ${DAYS.length}` };
      if (typeof due !== "string" || !/^20\d\d-[01]\d-[0-3]\d$/.test(due) || Number.isNaN(Date.parse(due))) return { wrong: `card ${at} has no day such as 2026-11-23` };
      if (known.has(id)) cards[id] = [box, due < day(DAYS[box - 1]) ? due : day(DAYS[box - 1])];
      else strange++;
    }
    return { cards, strange, answers: quiz ? quiz.sound(read.answers === undefined ? null : read.answers) : {} };
  }
  async function take(file) {
    const read = file.size > LARGEST ? { wrong: "it is larger than 1 MB" } : check(await file.text());
    if (read.wrong) return say(`That file was not taken: ${read.wrong}. Nothing has changed.`);
    store({ ...kept(), ...read.cards });
    if (quiz) quiz.take(read.answers);
    const many = (count, what) => `${count} ${what}${count === 1 ? "" : "s"}`, answered = Object.keys(read.answers).length;
    deal(false);
    return say(`Progress on ${many(Object.keys(read.cards).length, "card")}${answered ? ` and ${many(answered, "quiz answer")}` : ""} was taken from the file${read.strange ? `; ${read.strange} of it are not in this book` : ""}.`);
  }

  show.addEventListener("click", turn);
  knew.addEventListener("click", () => move(true));
  missed.addEventListener("click", () => move(false));
  ahead.addEventListener("click", () => { early = true; practised.clear(); deal(true); });
  for (const choice of [topic, level]) choice.addEventListener("change", () => { early = false; deal(false); });
  form.addEventListener("submit", (event) => event.preventDefault());
  find("[data-save]").addEventListener("click", () => {
    const progress = { format: FORMAT, version: 1, cards: kept(), answers: quiz ? quiz.kept() : {} };
    window.designbookFile("cards.json", "application/json", `${JSON.stringify(progress, null, 1)}\n`);
    say("Your progress is in the file cards.json.");
  });
  find("input[type=file]").addEventListener("change", (event) => {
    const [file] = event.target.files;
    event.target.value = "";
    if (file) take(file).catch(() => say("That file cannot be read. Nothing has changed."));
  });
  window.designbookTwice(find("[data-delete]"), "Really delete it", () => {
    keep.clear();
    if (quiz) quiz.clear();
    deal(false);
    say("Your progress is deleted.");
  });

  form.hidden = false;
  deal(false);
})();
