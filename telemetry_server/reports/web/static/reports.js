"use strict";
// Everything works without this script.  It reads a chart's table by keys and by the pointer.
(() => {
  const readRow = (chart, position) => {
    const table = document.getElementById(chart.dataset.table);
    const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
    const rows = [...table.tBodies[0].rows].reverse();
    const at = Math.max(0, Math.min(position, rows.length - 1));
    const cells = [...rows[at].cells].map((cell) => cell.textContent);
    const parts = cells.slice(1).map((text, index) => `${heads[index + 1].toLowerCase()} ${text}`);
    document.getElementById("readout").textContent = [cells[0], ...parts].join(" · ");
    chart.dataset.position = at;
  };
  const lastOf = (chart) => document.getElementById(chart.dataset.table).tBodies[0].rows.length - 1;
  document.addEventListener("keydown", (event) => {
    const chart = event.target.closest && event.target.closest(".chart");
    if (!chart) return;
    const now = chart.dataset.position === undefined ? lastOf(chart) + 1 : Number(chart.dataset.position);
    const steps = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: lastOf(chart), PageUp: now - 10, PageDown: now + 10 };
    if (!(event.key in steps)) return;
    event.preventDefault();
    readRow(chart, steps[event.key]);
  });
  document.addEventListener("pointermove", (event) => {
    const plot = event.target.closest && event.target.closest(".plot");
    if (!plot) return;
    const chart = plot.closest(".chart");
    const box = plot.getBoundingClientRect();
    readRow(chart, Math.floor(((event.clientX - box.left) / box.width) * (lastOf(chart) + 1)));
  });
})();
