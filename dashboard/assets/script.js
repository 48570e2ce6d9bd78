// Takes what is new from the server, once in a second at most, and puts it in place of what
// the page shows. Without it the page is as it was when it was loaded.
"use strict";
(function () {
  const live = document.getElementById("live");
  const status = document.getElementById("status");
  const stale = document.getElementById("stale");
  const address = document.body.dataset.events;
  if (!live || !address || !window.EventSource) return;
  let source = null;
  let acts = null; // that can be done to the task, which the forms on the page are for
  let last = status.textContent; // when the numbers were new
  let wait = 3000; // before a new try, in milliseconds

  const clock = () => new Date().toTimeString().slice(0, 8);

  // Says in front of all that what is shown is old; "" ends that.
  function age(text) {
    document.body.classList.toggle("stale", text !== "");
    stale.hidden = text === "";
    if (stale.textContent !== text) stale.textContent = text;
    status.textContent = text === "" ? last : "Not connected";
  }

  function put(html) {
    const next = document.createElement("div");
    next.innerHTML = html;
    const task = next.querySelector("[data-acts]");
    if (task) {
      if (acts === null) acts = live.querySelector("[data-acts]")?.dataset.acts;
      const busy = document.querySelector("details.act[open]");
      if (acts !== task.dataset.acts && !busy) {
        location.replace(location.pathname + "?id=" + encodeURIComponent(new URLSearchParams(location.search).get("id")));
        return;
      }
    }
    replace(live, next);
    last = "Live, " + clock();
    age("");
  }

  // Replaces what differs only, so that a selection, the focus and the place that a table was
  // scrolled to stay as they are.
  function replace(old, next) {
    if (old.tagName === "TBODY") {
      replaceRows(old, next);
      return;
    }
    if (old.childNodes.length !== next.childNodes.length) {
      old.replaceChildren(...next.childNodes);
      return;
    }
    Array.from(old.childNodes).forEach((o, i) => {
      const n = next.childNodes[i];
      if (o.isEqualNode(n)) return;
      const same = o.nodeType === 1 && n.nodeType === 1 && o.tagName === n.tagName;
      if (!same) {
        old.replaceChild(n.cloneNode(true), o);
        return;
      }
      change(o, n);
    });
  }

  function change(o, n) {
    for (const a of Array.from(o.attributes)) if (!n.hasAttribute(a.name)) o.removeAttribute(a.name);
    for (const a of Array.from(n.attributes)) if (o.getAttribute(a.name) !== a.value) o.setAttribute(a.name, a.value);
    replace(o, n);
  }

  // A row stays that of its task, wherever it goes: a link that has the focus must not become
  // another one's. Those of tasks without an id are told apart by their places.
  function replaceRows(old, next) {
    const key = (row, i) => row.dataset.key || "#" + i;
    const rows = Array.from(next.rows);
    const keys = new Set(rows.map(key));
    const known = new Map();
    Array.from(old.rows).forEach((row, i) => (keys.has(key(row, i)) && !known.has(key(row, i)) ? known.set(key(row, i), row) : row.remove()));
    let place = old.rows[0] || null;
    rows.forEach((n, i) => {
      const o = known.get(key(n, i));
      known.delete(key(n, i));
      if (!o) {
        old.insertBefore(n, place);
        return;
      }
      if (!o.isEqualNode(n)) change(o, n);
      if (o === place) place = o.nextElementSibling;
      else old.insertBefore(o, place);
    });
  }

  function open() {
    if (source || document.hidden) return;
    source = new EventSource(address);
    source.addEventListener("live", (e) => {
      wait = 3000;
      put(e.data);
    });
    source.addEventListener("version", (e) => {
      // Not soon again: of several processes behind a balancer one may make the page, and another its news.
      if (e.data !== document.body.dataset.version && performance.now() > 10000) location.reload();
    });
    source.addEventListener("gone", () => {
      close();
      age("The task is known no more: it ended too long ago, or the service was started again. What is shown is old. " + last + ".");
    });
    source.onerror = () => {
      age("Not connected, trying again. What is shown is old. " + last + ".");
      if (source && source.readyState === EventSource.CLOSED) { // an answer that is no stream: of a proxy, while the service starts, or of a guard
        close();
        setTimeout(open, wait);
        wait = Math.min(2 * wait, 60000);
      }
    };
  }

  function close() {
    if (source) source.close();
    source = null;
  }

  // A page that nobody sees asks for nothing: browsers have six connections for all tabs.
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  open();
})();
