"use strict";
// Everything works without this script.  It adds updates of the page, and reads a chart's table by keys.
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

  const live = document.getElementById("live");
  if (!live) return;
  const updated = document.getElementById("updated");
  const pause = document.getElementById("pause");
  let paused = false;
  if (pause) {
    pause.hidden = false;
    pause.addEventListener("click", () => {
      paused = !paused;
      pause.textContent = paused ? "Continue" : "Pause";
    });
  }
  const clock = () => new Date().toISOString().slice(11, 19);
  const replace = (text) => {
    const next = new DOMParser().parseFromString(text, "text/html").getElementById("live");
    if (!next) return;
    if (next.dataset.refreshSeconds !== document.getElementById("live").dataset.refreshSeconds) {
      location.reload();
      return;
    }
    if (document.getElementById("first-ping")) return;
    const open = [...document.querySelectorAll("#live details[open]")].map((each) => each.id);
    const focused = document.activeElement && document.activeElement.id;
    if (document.activeElement && !focused && document.getElementById("live").contains(document.activeElement)) return;
    document.getElementById("live").replaceWith(next);
    open.forEach((id) => { const each = document.getElementById(id); if (each) each.open = true; });
    if (focused && document.getElementById(focused)) document.getElementById(focused).focus({ preventScroll: true });
  };
  const update = async () => {
    const seconds = Number(document.getElementById("live").dataset.refreshSeconds);
    if (!paused && !document.hidden) {
      try {
        const answer = await fetch(location.href, { credentials: "same-origin" });
        if (answer.ok) replace(await answer.text());
        updated.textContent = answer.ok ? `Updated ${clock()}.` : `Not updated since ${clock()}: the server answered ${answer.status}.`;
      } catch {
        updated.textContent = "Not updated: the server did not answer.";
      }
    }
    setTimeout(update, seconds * 1000);
  };
  setTimeout(update, Number(live.dataset.refreshSeconds) * 1000);
})();
