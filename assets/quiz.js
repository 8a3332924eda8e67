/* The quizzes of a page: checks an answer where it stands, and keeps in this browser what was answered.

   Numbers are read by answer.js, and kept by keep.js, both loaded before this. What is kept is checked again on the
   next visit, so that no verdict is older than its question. Without a script the answers open as <details>. */
(function () {
  "use strict";
  const FORMAT = "designbook-quiz", MOST = 2000;
  const questions = new Map();
  let fields = [];
  if (!window.designbookKeep) return;

  const line = Object.assign(document.createElement("p"), { className: "dbk-buttons" });
  const forget = Object.assign(document.createElement("button"), { type: "button", textContent: "Forget my answers", hidden: true });
  const told = Object.assign(document.createElement("span"), { className: "dbk-why" });
  told.setAttribute("role", "status");
  line.append(forget, " ", told);
  const cards = document.querySelector("[data-practise=cards]");
  const keep = window.designbookKeep("designbook.quiz", (words) => { (cards ? cards.querySelector("[role=status]") : told).textContent = words; });

  /* Answers by question, of those that may be answers at all: a text, or the numbers of what was chosen. */
  function sound(answers) {
    const good = (value) => (typeof value === "string" ? value.length <= 80 : Array.isArray(value) && value.length <= 20 && value.every((n) => Number.isInteger(n) && n >= 0));
    const plain = answers !== null && typeof answers === "object" && !Array.isArray(answers);
    return Object.fromEntries(Object.entries(plain ? answers : {}).filter(([key, value]) => key.length < 99 && /^[a-z0-9_]+\/[a-z0-9-]+$/.test(key) && good(value)).slice(0, MOST));
  }
  function kept() {
    const found = keep.load();
    return sound(found && found.format === FORMAT && found.version === 1 ? found.answers : {});
  }
  function store(answers) {
    keep.save({ format: FORMAT, version: 1, answers });
    offer(answers);
  }
  const offer = (answers) => { forget.hidden = !fields.some((field) => field.dataset.question in answers); };

  function start(field) {
    const button = field.querySelector("button"), said = field.querySelector("[role=status]"), answer = field.querySelector("details");
    const right = [...answer.querySelectorAll("li")].map((item) => item.classList.contains("dbk-right"));
    const boxes = [...field.querySelectorAll("input")], number = field.dataset.kind === "number";

    function say(element, good, words) {
      element.hidden = false;
      element.className = `dbk-why ${good ? "dbk-right" : "dbk-wrong"}`;
      element.replaceChildren(Object.assign(document.createElement("b"), { textContent: good ? "Right." : "Not this." }), ` ${words}`);
    }
    /* Each of these is whether there was an answer to judge. */
    function choices() {
      if (!boxes.some((box) => box.checked)) return hint("Choose an answer first.");
      boxes.forEach((box, i) => {
        const why = box.parentNode.querySelector(".dbk-why");
        why.hidden = true;
        if (box.checked) say(why, right[i], answer.querySelectorAll("li > span")[i].textContent.trim());
      });
      const wrong = boxes.filter((box, i) => box.checked && !right[i]).length, missing = boxes.filter((box, i) => !box.checked && right[i]).length;
      return done(!wrong && !missing, wrong ? "Look at the reason, and choose again." : missing ? `Right so far; ${missing} more to find.` : "All of it.");
    }
    function typed() {
      const read = window.designbookAnswer.read(boxes[0].value, JSON.parse(field.dataset.asked));
      if (read.hint) return hint(read.hint);
      const low = read.value < +field.dataset.low, good = !low && read.value <= +field.dataset.high;
      return done(good, good ? "Close enough to decide on." : low ? "That is too little." : "That is too much.");
    }
    function hint(words) {
      said.className = "dbk-why";
      said.replaceChildren(words);
      return false;
    }
    function done(good, words) {
      say(said, good, words);
      if (!good) said.firstChild.textContent = "Not yet.";
      if (good) answer.open = true;
      return true;
    }
    function check() {
      if ((number ? typed : choices)()) store({ ...kept(), [field.dataset.question]: number ? boxes[0].value : boxes.flatMap((box, i) => (box.checked ? [i] : [])) });
    }
    /* Shows a kept answer with its verdict, or the question as it was before any. */
    function show(given) {
      if (number) boxes[0].value = typeof given === "string" ? given : "";
      else boxes.forEach((box, i) => { box.checked = Array.isArray(given) && given.includes(i); });
      field.querySelectorAll(".dbk-choice .dbk-why").forEach((why) => { why.hidden = true; });
      hint("");
      if (number ? boxes[0].value : boxes.some((box) => box.checked)) (number ? typed : choices)();
      answer.open = false;
    }
    button.hidden = false;
    button.addEventListener("click", check);
    field.addEventListener("keydown", (event) => { if (event.key === "Enter" && event.target.type === "text") check(); });
    questions.set(field.dataset.question, show);
  }
  function show() {
    const answers = kept();
    for (const [key, each] of questions) each(answers[key]);
    offer(answers);
  }

  function begin(root) {
    const found = [...root.querySelectorAll("[data-quiz] fieldset")];
    if (!found.length) return;
    fields = [...fields.filter((field) => field.isConnected), ...found];
    found.forEach(start);
    show();
    if (!cards) found[found.length - 1].parentNode.append(line);
  }
  begin(document);
  /* A cell that ran on its page shows a quiz anew: see run.js. */
  document.addEventListener("designbook-shown", ({ target }) => begin(target));
  /* The page that has all cards and quizzes saves and deletes both at once. */
  window.designbookQuiz = {
    kept,
    sound,
    take(answers) { store({ ...kept(), ...answers }); show(); },
    clear() { keep.clear(); show(); },
  };
  if (!cards) {
    window.designbookTwice(forget, "Really forget them", () => {
      const answers = kept();
      for (const key of questions.keys()) delete answers[key];
      store(answers);
      show();
      told.textContent = "Your answers are forgotten.";
    });
  }
})();
