/* Python in the background of a page: starts Pyodide from the site's own copy and runs cells with the book's runner.
   In:  {start: address of Pyodide, packages}, then {run: number, source} one at a time.
   Out: {state}, {ready: seconds} or {missing}; {kind, text} for each output, {done: number, failed, seconds} or {broken}. */
"use strict";
let python, runner, began;

async function start({ start: base, packages }) {
  began = performance.now();
  importScripts(`${base}pyodide.js`);
  python = await loadPyodide({
    indexURL: base, packages: ["designbook", ...packages],
    env: { HOME: "/home/pyodide", DESIGNBOOK_STATIC: "1", MPLBACKEND: "agg" },
    stdout: () => {}, stderr: () => {},
  });
  const { Runner } = python.pyimport("designbook.publish.cell_runner");
  runner = Runner((kind, text) => postMessage({ kind, text }));
  postMessage({ ready: (performance.now() - began) / 1000 });
}

async function load(imports) {
  const loaded = await python.loadPackagesFromImports(imports, { messageCallback: (state) => {
    if (state.startsWith("Loading")) postMessage({ state: `Loading ${state.split(" ").length - 1} more packages ...` });
  } });
  return loaded.length;
}

async function run({ run: number, source, name }) {
  const from = performance.now();
  let failed;
  await load(runner.imports(source));
  do failed = await runner.run(source, name);
  while (failed.startsWith("missing ") && await load(`import ${failed.slice(8)}`));
  if (failed.startsWith("missing ")) {
    failed = `${failed.slice(8)} is not among the packages that can be had in the browser`;
    postMessage({ kind: "error", text: `ModuleNotFoundError: ${failed}` });
  }
  postMessage({ done: number, failed, seconds: (performance.now() - from) / 1000 });
}

onmessage = ({ data }) => (data.start ? start(data) : run(data)).catch((error) => {
  postMessage({ [data.start ? "missing" : "broken"]: String(error) });
});
