/* What scrolls within itself can be reached with the keyboard, and what does not is no stop on the way. A size is looked at
   when the browser has it anyway: the theme's own script for this lays out the whole page for every slider that moves. */
(function () {
  "use strict";
  const scrolls = (e) => e.scrollWidth > e.clientWidth || e.scrollHeight > e.clientHeight;
  const sizes = new ResizeObserver((seen) => seen.forEach(({ target }) => {
    if (scrolls(target)) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }));
  const boxes = "pre, .cell_output > .output, .pst-scrollable-table-container, .formula, .db-diagram";
  document.querySelectorAll(boxes).forEach((box) => sizes.observe(box));
})();
/* Tooltips and the menu of a page's forms are Bootstrap's, the largest script of a page: it comes when the pointer or the
   focus first comes to one of them. */
(function () {
  "use strict";
  const address = new URL("scripts/bootstrap.js", document.currentScript.src).href;
  let loading = null;
  const load = () => (loading ??= new Promise((loaded, failed) => {
    const script = document.createElement("script");
    Object.assign(script, { src: address, onload: loaded, onerror: failed });
    document.head.append(script);
  }));
  const after = (button) => {
    if (button.dataset.bsToggle === "tooltip" && button.matches(":hover, :focus-visible"))
      window.bootstrap.Tooltip.getInstance(button)?.show();
  };
  document.querySelectorAll("[data-bs-toggle]").forEach((button) => {
    const come = () => load().then(() => after(button), () => { loading = null; });
    ["pointerenter", "focus"].forEach((event) => button.addEventListener(event, come, { once: true }));
    if (button.dataset.bsToggle !== "dropdown") return;
    button.addEventListener("click", () => {
      if (!window.bootstrap) load().then(() => button.click(), () => { loading = null; });
    });
  });
})();
/* A notebook needs a server. Who reads from a folder is told how to get one, instead of being led to an empty page. */
if (location.protocol === "file:") document.querySelectorAll(".db-run").forEach((line) => {
  line.innerHTML = "To <b>run this chapter in your browser</b>, let the book be served: <code>python -m http.server</code> in the " +
    "folder of <code>index.html</code>, then open <code>http://127.0.0.1:8000</code>.";
});
