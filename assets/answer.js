/* What people type as an answer, for drills and quizzes alike: "4k/s", "3.8 TB", "2e12 bytes", "1.5 Gbit/s".

   designbookAnswer.read(typed, asked) gives {value} in base units, or {hint}. `asked` has what is measured (`measures`),
   whether it is a share (`percent`), how an answer may look (`example`), the `question` with its words for what is
   counted, and, if a bare number will do, what `one` of its unit is. The words for units are those of designbook/quantities, which the page brings as designbookWords. */
(function () {
  "use strict";
  if (window.designbookAnswer) return;

  const MULTIPLIERS = {
    hundred: 1e2, k: 1e3, thousand: 1e3, m: 1e6, mn: 1e6, mio: 1e6, mil: 1e6, million: 1e6, millions: 1e6,
    b: 1e9, bn: 1e9, g: 1e9, billion: 1e9, billions: 1e9, t: 1e12, tn: 1e12, trillion: 1e12, trillions: 1e12,
  };
  /* How rates are said in short; what they count is left open. */
  const SPOKEN = new Set(["rps", "qps", "tps", "ops", "iops"]);
  /* What people call what the models count. */
  const ALIKE = [["server", "node", "machine", "host", "instance"], ["request", "r", "req", "read", "write", "query", "querie"]];
  /* What must be right; what is counted may be left out. */
  const MEASURED = ["time", "information", "currency"];
  const NUMBER = /^(?:\d{1,3}(?:[,_' \u00a0\u202f]\d{3})+(?!\d)|\d+(?=,\d{1,2}(?!\d))|\d+|(?=\.\d))(?:[.,]\d+)?(?:e[+-]?\d{1,3})?/i;
  const POWER = /^\s*(?:\^|\*\*)\s*([+-]?\d{1,3})/, TIMES_TEN = /^\s*[×x*·]\s*10\s*(?:\^|\*\*)\s*([+-]?\d{1,3})/i;
  const TOKEN = /\s*(\/|[$€£¢%×·*]|[a-zµμ]+|\d[\d,_]*(?:\.\d+)?)\s*/iy;
  const SIZE = /^(.*?)(b|bytes?|bits?)(ps)?$/i, SMALL_TIME = /^(.+?)(s|secs?|seconds?)$/i;

  /* What `typed` is in base units, as {value}; or {hint}, if it is not one number of what is asked. */
  function read(typed, asked) {
    const words = window.designbookWords, like = `Write it like ${asked.example}.`, no = (why) => ({ hint: `${why} ${like}` });
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
    if (asked.one && !unit.named) return { value: value * asked.one };
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
    /* What the question calls the things that it counts, an answer may call so too: 4.5 M devices. */
    const known = words.units[word] || words.units[lower] || words.units[single];
    if (asked.question && single.length > 2 && !(known && MEASURED.some((name) => name in known[1])) && new RegExp(`\\b${single}`, "i").test(asked.question)) return unit(1, {});
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
    /* Where a mere number is asked for, whatever it counts may stand behind it. */
    return anything(asked) && /^[a-z]+$/i.test(word) ? unit(1, {}) : {};
  }

  const anything = (asked) => !asked.percent && !Object.keys(asked.measures).length;

  /* The factor of a prefix of 1,000 or more, however it is written: k, K, kilo, Gi, gibi. */
  function large(prefix, words) {
    const found = Object.entries(words.prefixes).find(([name, factor]) => factor > 1 && name.toLowerCase() === prefix.toLowerCase());
    return found ? found[1] : 0;
  }

  /* A hint if the units do not measure what is asked. What is counted may be left out, but not be something else. */
  function misfit(unit, asked, no) {
    for (const [name, word] of Object.entries(unit.said)) {
      if (MEASURED.includes(name) || anything(asked)) continue;
      if ((asked.measures[name] || 0) * unit.measures[name] <= 0) return no(`You wrote ${word}, and that is not what is asked for.`);
    }
    if (unit.percent && Object.keys(asked.measures).length) return no("A percentage is not what is asked for.");
    const differs = MEASURED.filter((name) => (asked.measures[name] || 0) !== (unit.measures[name] || 0));
    if (differs.length) {
      if (!unit.named) return no("In what? The unit is missing.");
      return no(String(differs) === "time" && asked.measures.time < 0 && !unit.measures.time ? "In what time? Say per second, day or month." : "That unit does not measure what is asked for.");
    }
    if (asked.percent && !unit.named) return no("As a share or in per cent?");
    return null;
  }

  window.designbookAnswer = { read };
})();
