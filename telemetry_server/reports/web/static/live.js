"use strict";
// Everything works without this script.  A page of what comes fetches itself and replaces what changed; a
// statement that takes long can be cancelled.
(() => {
  const byId = (id) => document.getElementById(id);
  const clock = () => new Date().toISOString().slice(11, 19);

  // The back button may show a page of a session that has ended: ask whether it still has an answer.
  window.addEventListener("pageshow", async (event) => {
    const [visit] = performance.getEntriesByType("navigation");
    const isBack = event.persisted || (visit && visit.type === "back_forward");
    if (!isBack || !document.querySelector("form.who")) return;
    const answer = await fetch(location.href, { method: "HEAD", redirect: "manual", cache: "no-store" });
    if (answer.type === "opaqueredirect") location.reload();
  });

  const editor = byId("statement");
  if (editor) {
    const running = byId("running"), cancel = byId("cancel");
    let began = 0, timer = 0;
    const stop = () => { clearInterval(timer); running.textContent = ""; cancel.hidden = true; };
    const tick = () => { running.textContent = `Running for ${Math.round((Date.now() - began) / 1000)} s.`; };
    editor.addEventListener("submit", () => {
      began = Date.now();
      timer = setInterval(tick, 1000);
      setTimeout(() => { if (timer) cancel.hidden = false; }, 300);
    });
    cancel.addEventListener("click", () => { window.stop(); stop(); running.textContent = "Cancelled."; });
    window.addEventListener("pageshow", stop);
  }

  if (!byId("live")) return;
  const updated = byId("updated"), pause = byId("pause"), again = byId("try-again");
  let isPaused = false, isBusy = false, last = clock(), timer = 0;
  const pings = (root) => new Set([...root.querySelectorAll("table.pings tbody th")].map((cell) => cell.textContent));
  const keyOf = (element) => element.id || element.getAttribute("href") || element.getAttribute("aria-label");
  const same = (key) => [...byId("live").querySelectorAll("[id], [href], [aria-label]")].find((each) => keyOf(each) === key);
  const isSelecting = () => {
    const selection = document.getSelection();
    return !selection.isCollapsed && byId("live").contains(selection.anchorNode);
  };

  const replace = (text) => {
    const old = byId("live");
    const next = new DOMParser().parseFromString(text, "text/html").getElementById("live");
    if (!next || (byId("first-ping") && next.dataset.refreshSeconds !== old.dataset.refreshSeconds)) {
      location.reload();  // signed out, or the first ping came
      return "";
    }
    if (byId("first-ping") || isSelecting()) return "";
    const known = pings(old), fresh = [...pings(next)].filter((id) => !known.has(id)).length;
    const open = [...old.querySelectorAll("details[open]")].map((each) => each.id);
    const scrolled = [...old.querySelectorAll(".scroll")].map((each) => each.scrollLeft);
    const focused = old.contains(document.activeElement) ? keyOf(document.activeElement) : null;
    old.replaceWith(next);
    open.forEach((id) => { if (byId(id)) byId(id).open = true; });
    next.querySelectorAll(".scroll").forEach((each, index) => { each.scrollLeft = scrolled[index] || 0; });
    if (focused && same(focused)) same(focused).focus({ preventScroll: true });
    return fresh ? ` ${fresh} new ${fresh === 1 ? "ping" : "pings"}.` : "";
  };

  const fail = (why) => {
    updated.textContent = `Not updated since ${last}: ${why}`;
    again.hidden = false;
  };
  const update = async () => {
    if (isBusy) return;
    isBusy = true;
    clearTimeout(timer);
    if (!isPaused && !document.hidden) {
      try {
        const answer = await fetch(location.href, { credentials: "same-origin" });
        if (answer.ok) {
          const news = replace(await answer.text());
          last = clock();
          updated.textContent = `Updated ${last}.${news}`;
          again.hidden = true;
        } else {
          fail(`the server answered ${answer.status}.`);
        }
      } catch {
        fail("the server did not answer.");
      }
    }
    isBusy = false;
    timer = setTimeout(update, Number(byId("live").dataset.refreshSeconds) * 1000);
  };
  pause.hidden = false;
  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    pause.textContent = isPaused ? "Continue" : "Pause";
    updated.textContent = isPaused ? `Paused at ${clock()}.` : updated.textContent;
    if (!isPaused) update();
  });
  again.addEventListener("click", update);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) update(); });
  timer = setTimeout(update, Number(byId("live").dataset.refreshSeconds) * 1000);
})();
