/* The sliders, charts and drills of a chapter page, without a kernel, a server or a network.

   A page's panels register themselves, before or after this script has loaded:
       (window.designbook = window.designbook || []).push({panel: "capacity", ...})
   A plain script without a build step; works from file://. The page reads well without it. */
(function () {
  "use strict";
  const waiting = window.designbook || [], here = document.currentScript;
  if (waiting.human) return;

  /* -- numbers: the twin of designbook.quantities.format_value, held equal to it by a test */

  function human(value, rules) {
    if (Number.isNaN(value)) return "not a number";
    const { prefix = "", digits = 3, least = 1e-4, most = 1e3, near = 0, cents = false, steps } = rules;
    const sign = (value < 0 ? "−" : "") + prefix;
    value = Math.abs(value);
    const plain = value / steps[0][1];
    if (plain > 1e300) return `${sign}∞`;
    if (plain < 1e-250) return `${sign}0${steps[0][3]}`;
    let at = 0;
    while (at + 1 < steps.length && value >= steps[at + 1][0]) at++;
    let x = value / steps[at][1], [n, shift] = significant(x, digits), shown = n;
    for (let i = Math.abs(shift); i > 0; i--) shown = shift > 0 ? shown * 10 : shown / 10;
    if (at + 1 < steps.length && shown * steps[at][1] >= steps[at + 1][0] * (1 - 1e-9)) {
      at++;
      x = shown = value / steps[at][1];
      [n, shift] = significant(x, digits);
    }
    if (x < least || (at + 1 === steps.length && shown >= most)) {
      [n, shift] = significant(x >= 1 ? plain : x, digits);
      const size = String(n).length;
      return `${sign}${written(n, 1 - size, 0)} × 10${raised(shift + size - 1)}${steps[0][3]}`;
    }
    let decimals = 0;
    if (cents && at === 0 && x >= 1 && x < 100) {
      [n, shift] = [Math.floor(x * 100 + 0.5), -2];
      decimals = n % 100 ? 2 : 0;
    } else if (cents && at === 0 && x < 1) {
      decimals = 2;
    } else if (near > 0 && x > 0.99 * near && x < near) {
      let power = 1;
      for (shift = 0; shift > -9 && (near - x) * power < 10; shift--) power *= 10;
      n = Math.floor(x * power + 0.5);
    }
    const text = written(n, shift, decimals);
    return sign + text + steps[at][text === "1" ? 2 : 3];
  }

  /* x > 0 to so many significant digits, as [n, shift]: n times 10 to the shift. */
  function significant(x, digits) {
    let exponent = 0, power = 1;
    while (power * 10 <= x) { power *= 10; exponent++; }
    while (x * power < 1) { power *= 10; exponent--; }
    const shift = exponent - digits + 1;
    power = 1;
    for (let i = Math.abs(shift); i > 0; i--) power *= 10;
    return [Math.floor((shift > 0 ? x / power : x * power) + 0.5), shift];
  }

  function written(n, shift, decimals) {
    while (shift < 0 && -shift > decimals && n % 10 === 0) { n /= 10; shift++; }
    let text = String(n), fraction = "";
    if (shift < 0) {
      text = text.padStart(1 - shift, "0");
      fraction = `.${text.slice(shift)}`;
      text = text.slice(0, shift);
    }
    text += "0".repeat(Math.max(0, shift));
    return text.replace(/\B(?=(\d{3})+$)/g, ",") + fraction;
  }

  function raised(exponent) {
    return String(exponent).replace("-", "⁻").replace(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit]);
  }

  const base = (value, rules) => (value * rules.multiply) / rules.divide;
  const given = (value, rules) => (value * rules.divide) / rules.multiply;

  /* -- sliders, for both kinds of panel. A slider walks over `steps`, values in its own unit; `at` is the first one. */

  function start(spec) {
    const root = spec.root || [...document.querySelectorAll(`[data-panel="${spec.panel}"]`)].pop();
    if (!root || "live" in root.dataset) return;
    root.dataset.live = "";
    const rules = (name) => spec.units[name];
    const at = {};
    const sliders = spec.sliders.map((s) => ({ ...s, rules: rules(s.unit), element: root.querySelector(`input[name="${s.name}"]`) }));
    const update = (spec.curves ? experiment : model)(spec, root, rules, sliders, redraw);
    const spoken = root.querySelector("[aria-live=polite]");
    const asked = new URLSearchParams(location.search);
    let later = 0, differs = false;

    function set(slider, index) {
      at[slider.name] = index;
      const said = human(base(slider.steps[index], slider.rules), slider.rules);
      slider.element.value = index;
      slider.element.setAttribute("aria-valuetext", said);
      text(slider.element.parentNode.querySelector("output"), said);
    }
    function redraw() {
      const values = {};
      for (const s of sliders) values[s.name] = base(s.steps[at[s.name]], s.rules);
      return update(values, at);
    }
    function moved() {
      const summary = redraw();
      clearTimeout(later);
      later = setTimeout(() => { text(spoken, summary()); save(); }, 400);
    }
    /* A setting stands in the address as ?capacity.new_links=2e8, in the slider's own unit; what else is there stays. */
    function save() {
      const query = new URLSearchParams(location.search);
      for (const s of sliders) {
        if (at[s.name] === s.at) query.delete(`${spec.panel}.${s.name}`);
        else query.set(`${spec.panel}.${s.name}`, s.steps[at[s.name]]);
      }
      const search = query.toString();
      try {
        history.replaceState(history.state, "", location.pathname + (search && `?${search}`) + location.hash);
      } catch (refused) { /* a sandboxed page may not change its address; the panel works all the same */ }
    }
    for (const s of sliders) {
      const words = (asked.get(`${spec.panel}.${s.name}`) || "").trim(), value = Number(words);
      const index = words && Number.isFinite(value) ? nearest(s.steps, value) : s.at;
      differs = differs || index !== s.at;
      set(s, index);
      s.element.disabled = false;
      s.element.addEventListener("input", () => { set(s, +s.element.value); moved(); });
    }
    const reset = root.querySelector("[data-reset]");
    reset.hidden = false;
    reset.addEventListener("click", () => { for (const s of sliders) set(s, s.at); moved(); });
    if (differs) redraw();
  }

  function nearest(steps, value) {
    value = Math.min(Math.max(value, steps[0]), steps[steps.length - 1]);
    let best = 0;
    steps.forEach((step, i) => { if (Math.abs(step - value) < Math.abs(steps[best] - value)) best = i; });
    return best;
  }

  function text(element, words) {
    if (element && element.textContent !== words) element.textContent = words;
  }

  /* -- a capacity model: rows with bars, limits and a verdict */

  function model(spec, root, rules) {
    const rows = spec.outputs.map((output) => {
      const value = root.querySelector(`[data-output="${output.name}"]`), row = value.closest(".dbk-row");
      return { ...output, value, row, bar: row.querySelector("i"), share: row.querySelector(".dbk-share") };
    });
    const verdict = root.querySelector("[data-verdict]"), formula = root.querySelector("[data-formula]");
    return function (values) {
      const m = Object.assign(Object.create(spec.model), values);
      for (const r of rows) {
        const value = m[r.name];
        text(r.value, human(value, rules(r.unit)));
        r.bar.style.width = `${place(value, r.low, r.high)}%`;
        if (!r.limit) continue;
        r.row.classList.toggle("dbk-over", value > r.limit.value);
        text(r.share, share(value / r.limit.value, r.limit.about, rules));
      }
      const { limit, sentence } = m.verdict;
      text(verdict, sentence);
      const tight = m.limits.find((row) => row.name === limit);
      const shown = spec.shown || (tight ? tight.estimate : rows[0].name);
      formula.hidden = !(shown in spec.formulas);
      if (!formula.hidden) text(formula, spell(shown, spec, m, rules));
      return () => `${rows.map((r) => `${r.label}: ${r.value.textContent}`).join("; ")}. ${sentence}`;
    };
  }

  /* Where a value stands on a logarithmic bar, in per cent. */
  function place(value, low, high) {
    if (!(value > 0 && high > low && low > 0)) return 0;
    return Math.floor(Math.max(1, Math.min(100, (100 * Math.log(value / low)) / Math.log(high / low))) * 10 + 0.5) / 10;
  }

  function share(ratio, about, rules) {
    if (ratio > 0 && ratio < 0.01) return `under 1 % of ${about}`;
    return ratio <= 1 ? `${Math.floor(100 * ratio + 0.5)} % of ${about}` : `${human(ratio, rules("times"))} ${about}`;
  }

  /* reads = new_links · reads_per_link = 38 links/s · 100 = 3.8 k req/s */
  function spell(name, spec, m, rules) {
    const show = (_, key) => human(m[key], rules(spec.shows[key])), field = /\{(\w+)\}/g, formula = spec.formulas[name];
    return `${name} = ${formula.replace(field, "$1")} = ${formula.replace(field, show)} = ${show("", name)}`;
  }

  /* -- an experiment: curves over x, from translated functions or from rows of numbers that were computed ahead */

  function experiment(spec, root, rules, sliders, redraw) {
    const find = (selector) => root.querySelector(selector);
    const [rx, ry] = [rules(spec.x.unit), rules(spec.y.unit)], xs = spec.x.values.map((x) => base(x, rx));
    const cells = [...root.querySelectorAll("td[data-curve]")], readouts = [...root.querySelectorAll("[data-readout]")];
    const outputs = spec.outputs.map((output) => ({ ...output, element: find(`[data-output="${output.name}"]`) }));
    const view = find("[data-plot]"), verdict = find("[data-verdict]");
    let ys = [], pointed = spec.x.at, plot = null;

    function read(index) {
      pointed = index;
      text(find("[data-at]"), human(xs[index], rx));
      readouts.forEach((element, c) => text(element, human(ys[c][index], ry)));
    }
    function summary() {
      const told = [0, spec.x.at, xs.length - 1].map((i) =>
        `at ${human(xs[i], rx)}: ${spec.curves.map((curve, c) => `${curve.label} ${human(ys[c][i], ry)}`).join(", ")}`);
      return `${spec.alt} ${told.join("; ")}.`;
    }
    if (here) {
      const shows = (drawn) => { view.hidden = !drawn; find("details").open = !drawn; };
      plot = chart(spec, view, shows, redraw, (index) => read(index === null ? spec.x.at : index));
    }
    return function (values, at) {
      const order = sliders.map((s) => values[s.name]);
      const row = sliders.reduce((sum, s) => sum * s.steps.length + at[s.name], 0);
      const now = (f) => (typeof f === "function" ? f(...order) : f[row]);
      ys = spec.curves.map((curve) => (typeof curve.f === "function" ? xs.map((x) => curve.f(x, ...order)) : curve.f[row]));
      const shown = {};
      for (const s of sliders) shown[s.name] = human(values[s.name], s.rules);
      for (const output of outputs) text(output.element, shown[output.name] = human(now(output.f), rules(output.unit)));
      if (spec.verdict) text(verdict, now(spec.verdict).replace(/\{(\w+)\}/g, (_, name) => shown[name]));
      for (const cell of cells) text(cell, human(ys[cell.dataset.curve][cell.dataset.point], ry));
      read(pointed);
      view.setAttribute("aria-label", summary());
      if (plot) plot(ys.map((row) => row.map((y) => (spec.y.scale === "log" && !(y > 0) ? null : given(y, ry)))));
      return () => `${summary()} ${verdict ? verdict.textContent : ""}`;
    };
  }

  const DASHES = [[], [9, 4], [2, 3], [10, 3, 2, 3], [5, 2], [2, 6]];

  const decades = (_, splits) => splits.map((v) => (Math.abs(Math.log10(v) % 1) < 1e-9 ? v : null));

  /* The chart library takes longer to start than all panels: it comes with the first chart that is about to be seen. */
  let library = null;
  function load() {
    library = library || new Promise((loaded, failed) => {
      const src = new URL("vendor/uplot/uPlot.iife.min.js", here.src).href;
      document.head.append(Object.assign(document.createElement("script"), { src, onload: loaded, onerror: failed }));
    });
    return library;
  }

  /* `shows(true)` puts the chart in the table's place; `compute` is called once, before the first drawing. */
  function chart(spec, view, shows, compute, pointed) {
    const xs = spec.x.values, css = getComputedStyle(view), colour = (name) => () => css.getPropertyValue(`--${name}`).trim();
    const font = "12px system-ui, sans-serif", height = 320, width = () => view.clientWidth;
    const scale = (axis) => ({ time: false, distr: axis.scale === "log" ? 3 : 1, range: [axis.low, axis.high] });
    const axis = (of, size, space) => ({
      label: of.label, labelSize: 20, labelFont: font, font, size, space, stroke: colour("soft"),
      grid: { stroke: colour("line"), width: 1, filter: of.scale === "log" ? decades : (_, splits) => splits }, ticks: { show: false }, values: (_, splits) => splits.map((v) => (v === null ? "" : tick(v))),
    });
    const options = {
      height, padding: [14, 26, 0, 0], legend: { show: false }, cursor: { y: false, drag: { x: false, y: false } },
      scales: { x: scale(spec.x), y: scale(spec.y) },
      axes: [axis(spec.x, 32, 64), axis(spec.y, 50, 44)],
      series: [{}, ...spec.curves.map((curve, i) => ({
        label: curve.label, stroke: colour(`c${(i % 6) + 1}`), width: 2, dash: DASHES[i % 6], points: { show: false },
      }))],
      hooks: {
        setCursor: [(u) => pointed(u.cursor.left >= 0 ? u.cursor.idx : null)],
        draw: [(u) => spec.lines.forEach((line) => reference(u, line, colour("limit")(), font))],
      },
    };
    let plot = null, rows = null;
    function draw() {
      if (plot || !width()) return;
      if (!rows) compute();
      plot = new window.uPlot({ ...options, width: width() }, [xs, ...rows], view);
    }
    shows(true);
    /* The first size comes when the chart is about to be seen. */
    new ResizeObserver(() => {
      if (!plot) load().then(draw, () => { shows(false); shows = () => {}; });
      else if (plot.width !== width()) plot.setSize({ width: width(), height });
    }).observe(view);
    addEventListener("beforeprint", () => shows(plot));
    addEventListener("afterprint", () => shows(true));
    new MutationObserver(() => plot && plot.redraw(false, true))
      .observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    return function (ys) {
      rows = ys;
      if (plot) plot.setData([xs, ...rows]);
    };
  }

  /* A straight line with its meaning beside it, where the reader should look. */
  function reference(u, line, colour, font) {
    const { ctx, bbox } = u, ratio = window.devicePixelRatio || 1, on_x = line.axis === "x";
    const at = u.valToPos(line.at, line.axis, true), [left, top] = [bbox.left, bbox.top];
    ctx.save();
    ctx.strokeStyle = ctx.fillStyle = colour;
    ctx.lineWidth = 1.5 * ratio;
    ctx.setLineDash([4 * ratio, 3 * ratio]);
    ctx.beginPath();
    ctx.moveTo(on_x ? at : left, on_x ? top : at);
    ctx.lineTo(on_x ? at : left + bbox.width, on_x ? top + bbox.height : at);
    ctx.stroke();
    ctx.font = font.replace("12", String(12 * ratio));
    const beyond = on_x && at + ctx.measureText(line.about).width + 6 * ratio > left + bbox.width;
    ctx.textAlign = beyond ? "right" : "left";
    ctx.fillText(line.about, (on_x ? at : left) + (beyond ? -6 : 6) * ratio, on_x ? top + 12 * ratio : at - 7 * ratio);
    ctx.restore();
  }

  function tick(v) {
    const size = Math.abs(v), [scale, letter] = size >= 1e12 ? [1e12, " tn"] : size >= 1e9 ? [1e9, " bn"] : size >= 1e6 ? [1e6, " M"] : size >= 1e4 ? [1e3, " k"] : [1, ""];
    if (size && size < 1e-3) return v.toExponential(0).replace("e-", "e−");
    return Number((v / scale).toPrecision(6)).toLocaleString("en") + letter;
  }

  function begin() {
    const queue = waiting.splice(0);
    window.designbook = { human, push: start };
    /* One panel at a time, so that the page answers in between. */
    (function next() {
      if (!queue.length) return;
      setTimeout(() => { start(queue.shift()); next(); });
    })();
  }
  if (document.readyState === "complete") begin();
  else document.addEventListener("DOMContentLoaded", begin, { once: true });
})();
