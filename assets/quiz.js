/* The quizzes of a page: checks an answer where it stands. Without this script the answers open as <details>. */
(function () {
  "use strict";
  const MULTIPLIERS = { __proto__: null, k: 1e3, thousand: 1e3, m: 1e6, million: 1e6, g: 1e9, b: 1e9, bn: 1e9, billion: 1e9, t: 1e12, tn: 1e12, trillion: 1e12 };
  const PREFIXES = { __proto__: null, "": 1, k: 1e3, kilo: 1e3, m: 1e6, mega: 1e6, g: 1e9, giga: 1e9, t: 1e12, tera: 1e12, p: 1e15, peta: 1e15, e: 1e18, exa: 1e18, ki: 2 ** 10, mi: 2 ** 20, gi: 2 ** 30, ti: 2 ** 40, pi: 2 ** 50 };
  const TIMES = { __proto__: null, ns: 1e-9, us: 1e-6, "µs": 1e-6, "μs": 1e-6, ms: 1e-3, s: 1, sec: 1, second: 1, min: 60, minute: 60, h: 3600, hr: 3600, hour: 3600, day: 86400, week: 604800, month: 2629800, yr: 31557600, year: 31557600 };
  const SIZE = /^(.*?)(b|bytes?|bits?)(ps)?$/i;

  /* What a text of units measures, as {factor, size, time, percent, counted}: "TB a day", "k req/s", "%". */
  function measure(text) {
    const found = { factor: 1, size: 0, time: 0, percent: false, counted: "" };
    let side = 1;
    for (const word of text.match(/\/|[%×$]|[a-zµμ]+/gi) || []) {
      const lower = word.toLowerCase(), one = lower.replace(/s$/, ""), size = SIZE.exec(word);
      const add = (factor, name) => { found.factor *= factor ** side; found[name] += side; };
      if (/^(?:\/|per|an?|each|every)$/.test(lower)) side = -1;
      else if (/^(?:[rqt]|io)ps$/.test(lower)) found.time--;
      else if (TIMES[lower] || TIMES[one]) add(TIMES[lower] || TIMES[one], "time");
      else if (word === "%" || lower === "percent") found.percent = true;
      else if (size && size[1].toLowerCase() in PREFIXES && lower !== "b") {
        const bit = /^bit/i.test(size[2]) || (size[2] === "b" && (size[3] || /[A-Z]/.test(size[1])));
        add(PREFIXES[size[1].toLowerCase()] / (bit ? 8 : 1), "size");
        if (size[3]) found.time--;
      } else if (word === "B") add(1, "size");
      else if (lower in MULTIPLIERS) found.factor *= MULTIPLIERS[lower] ** side;
      else if (!/^(?:x|×|times|of|the)$/.test(lower)) found.counted = found.counted || word;
    }
    return found;
  }

  /* What was typed, as {value} in the unit that is asked for, or as {hint}: "3.8k", "3,800", "36,4", "0.036 PB". */
  function read(words, asked) {
    const like = asked ? ` Write it in ${asked}.` : " Write a number, such as 3.8k.";
    const match = /^\s*[~≈$]?\s*(-?(?:\d[\d,_ ]*(?:\.\d+)?|\.\d+)(?:e[+-]?\d+)?)\s*(.*)$/i.exec(words);
    if (!match) return { hint: "Write a number, such as 3.8k." };
    const digits = match[1].trim(), comma = /^-?\d+,\d{1,2}$/.test(digits);
    const value = Number(comma ? digits.replace(",", ".") : digits.replace(/[,_ ]/g, ""));
    const wanted = measure(asked), given = measure(match[2]), bare = !(given.size || given.time || given.percent || given.counted);
    if (/^[-–—]?\s*\d/.test(match[2])) return { hint: "One number, please." };
    if (bare && given.factor === 1e6 && wanted.time && /^m$/.test(match[2].trim()) && !wanted.counted) return { hint: `“m” may be minutes or milli.${like}` };
    if (bare) return { value: value * given.factor };
    if (given.counted && (wanted.size || wanted.percent || wanted.time > 0)) return { hint: `“${given.counted}” is no unit that fits here.${like}` };
    const share = given.percent && !wanted.percent;
    if (share && (wanted.size || wanted.time || wanted.counted)) return { hint: `A percentage is not what is asked for.${like}` };
    if (given.size !== wanted.size || given.time !== wanted.time || (wanted.percent && !given.percent)) return { hint: `That unit does not measure what is asked for.${like}` };
    return { value: (value * given.factor * (share ? 0.01 : 1)) / wanted.factor };
  }

  function start(field) {
    const button = field.querySelector("button"), said = field.querySelector("[role=status]"), answer = field.querySelector("details");
    const right = [...answer.querySelectorAll("li")].map((item) => item.classList.contains("dbk-right"));
    const boxes = [...field.querySelectorAll("input")];
    /* The unit stands in the question: "your answer, in TB (within ...". */
    const [, asked = ""] = /, in (.+?) \(/.exec(field.dataset.kind === "number" ? field.querySelector("label").textContent : "") || [];

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
      const { value, hint } = read(boxes[0].value, asked);
      if (hint) {
        said.className = "dbk-why";
        return said.replaceChildren(hint);
      }
      const good = value >= +field.dataset.low && value <= +field.dataset.high;
      return done(good, good ? "Close enough to decide on." : value < +field.dataset.low ? "That is too little." : "That is too much.");
    }
    button.hidden = false;
    button.addEventListener("click", check);
    field.addEventListener("keydown", (event) => { if (event.key === "Enter" && event.target.type === "text") check(); });
  }
  const begin = (root) => root.querySelectorAll("[data-quiz] fieldset").forEach(start);
  begin(document);
  /* A cell that ran on its page shows a quiz anew: see run.js. */
  document.addEventListener("designbook-shown", ({ target }) => begin(target));
})();
