"use strict";
// Everything works without this script.  It reads a chart's table by keys and by the pointer.
(() => {
  // On paper nothing else says where the page is.
  document.getElementById("address").textContent = location.href;

  // A chart is a picture of a table: the cursor stands at a row, and the readout says what is in it.
  const rowsOf = (chart) => {
    const rows = [...document.getElementById(chart.dataset.table).tBodies[0].rows];
    return "newestFirst" in chart.dataset ? rows.reverse() : rows;
  };
  const chartOf = (event, selector) => {
    const found = event.target.closest && event.target.closest(selector);
    return found && found.closest(".chart");
  };
  const drawCursor = (chart, position, count) => {
    const plot = chart.querySelector("svg.plot");
    let line = plot.querySelector("line.cursor");
    if (!line) {
      line = plot.appendChild(document.createElementNS("http://www.w3.org/2000/svg", "line"));
      line.setAttribute("class", "cursor");
      line.setAttribute("y1", "0");
      line.setAttribute("y2", String(Number(plot.getAttribute("height")) - 20));
    }
    const x = `${((position + 0.5) * 100) / count}%`;
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
  };
  const textOf = (cell) => cell.textContent.trim();
  const readRow = (chart, position) => {
    const heads = [...document.getElementById(chart.dataset.table).tHead.rows[0].cells].map(textOf);
    const rows = rowsOf(chart);
    if (!rows.length) return;
    const at = Math.max(0, Math.min(position, rows.length - 1));
    const parts = [...rows[at].cells].map((cell, index) => (heads[index] ? `${heads[index]} ${textOf(cell)}` : ""));
    document.getElementById(chart.dataset.readout).textContent = parts.filter(Boolean).join(" · ");
    chart.dataset.position = at;
    drawCursor(chart, at, rows.length);
  };
  const pin = (chart, group) => {
    if (!("pins" in chart.dataset)) return;
    const target = new URL(location.href);
    if (group === null) target.searchParams.delete("at");
    else target.searchParams.set("at", group);
    target.hash = chart.id;
    if (target.href !== location.href) location.assign(target);
  };
  const groupAt = (chart) => rowsOf(chart)[Number(chart.dataset.position)].dataset.group;
  document.addEventListener("keydown", (event) => {
    const chart = chartOf(event, ".chart");
    if (!chart) return;
    if (event.key === "Enter" && chart.dataset.position !== undefined) return pin(chart, groupAt(chart));
    if (event.key === "Escape") return pin(chart, null);
    const count = rowsOf(chart).length;
    const now = chart.dataset.position === undefined ? count : Number(chart.dataset.position);
    const steps = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: count - 1, PageUp: now - 10, PageDown: now + 10 };
    if (!(event.key in steps)) return;
    event.preventDefault();
    readRow(chart, steps[event.key]);
  });
  const follow = (event) => {
    const chart = chartOf(event, ".plot");
    if (!chart) return;
    const box = chart.querySelector(".plot").getBoundingClientRect();
    readRow(chart, Math.floor(((event.clientX - box.left) / box.width) * rowsOf(chart).length));
  };
  document.addEventListener("pointermove", follow);
  document.addEventListener("click", (event) => {
    const chart = chartOf(event, ".plot");
    if (!chart || !("pins" in chart.dataset)) return;
    follow(event);
    pin(chart, groupAt(chart));
  });
  if (location.hash.length > 1) {
    const chart = document.getElementById(location.hash.slice(1));
    if (chart && chart.matches(".chart")) chart.focus();
  }
  document.addEventListener("keydown", (event) => {
    const find = document.getElementById("find");
    const isTyping = event.target.matches && event.target.matches("input, select, textarea, [contenteditable]");
    if (event.key !== "/" || !find || isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    find.focus();
  });
})();
