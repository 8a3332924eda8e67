/* The quizzes of a page: checks an answer where it stands. Without this script the answers open as <details>. */
(function () {
  "use strict";
  const MULTIPLIERS = { "": 1, k: 1e3, thousand: 1e3, m: 1e6, million: 1e6, g: 1e9, bn: 1e9, billion: 1e9, t: 1e12, tn: 1e12, trillion: 1e12, "%": 1e-2 };

  /* "3.8k", "3,800", "2 million", "1e6": a number, or NaN. */
  function number(words, percent) {
    const match = /^\s*[~≈$]?\s*(-?[\d.,_ ]*\d(?:e[+-]?\d+)?)\s*(%|[a-z]*)/i.exec(words);
    if (!match) return NaN;
    const unit = match[2].toLowerCase(), by = percent && unit === "%" ? 1 : MULTIPLIERS[unit];
    return Number(match[1].replace(/[,_ ]/g, "")) * (by === undefined ? 1 : by);
  }

  function start(field) {
    const button = field.querySelector("button"), said = field.querySelector("[role=status]"), answer = field.querySelector("details");
    const right = [...answer.querySelectorAll("li")].map((item) => item.classList.contains("dbk-right"));
    const boxes = [...field.querySelectorAll("input")];

    function say(element, good, words) {
      element.hidden = false;
      element.className = `dbk-why ${good ? "dbk-right" : "dbk-wrong"}`;
      element.replaceChildren(Object.assign(document.createElement("b"), { textContent: good ? "Right." : "Not this." }), ` ${words}`);
    }
    function choices() {
      if (!boxes.some((box) => box.checked)) return said.replaceChildren("Choose an answer first.");
      boxes.forEach((box, i) => {
        const why = box.parentNode.querySelector(".dbk-why");
        why.hidden = true;
        if (box.checked) say(why, right[i], answer.querySelectorAll("li > span")[i].textContent.trim());
      });
      const wrong = boxes.filter((box, i) => box.checked && !right[i]).length, missing = boxes.filter((box, i) => !box.checked && right[i]).length;
      done(!wrong && !missing, wrong ? "Look at the reason, and choose again." : missing ? `Right so far; ${missing} more to find.` : "All of it.");
    }
    function done(good, words) {
      say(said, good, words);
      if (!good && said.firstChild) said.firstChild.textContent = "Not yet.";
      if (good) answer.open = true;
    }
    function check() {
      if (field.dataset.kind !== "number") return choices();
      const value = number(boxes[0].value, field.dataset.percent === "yes");
      if (Number.isNaN(value)) return said.replaceChildren("Write a number, such as 3.8k.");
      const good = value >= +field.dataset.low && value <= +field.dataset.high;
      return done(good, good ? "Close enough to decide on." : value < +field.dataset.low ? "That is too little." : "That is too much.");
    }
    button.hidden = false;
    button.addEventListener("click", check);
    field.addEventListener("keydown", (event) => { if (event.key === "Enter" && event.target.type === "text") check(); });
  }
  document.querySelectorAll("[data-quiz] fieldset").forEach(start);
})();
