// Takes what is new from the server, once in a second at most, and puts it in place of what
// the page shows. Without it the page is as it was when it was loaded.
"use strict";
(function () {
  const live = document.getElementById("live");
  const status = document.getElementById("status");
  const address = document.body.dataset.events;
  if (!live || !address || !window.EventSource) return;
  let source = null;
  let state = null; // of the task, which its buttons go with

  function tell(text) {
    status.textContent = text;
  }

  function put(html) {
    const next = document.createElement("div");
    next.innerHTML = html;
    const task = next.querySelector("[data-state]");
    if (task) {
      if (state === null) state = live.querySelector("[data-state]")?.dataset.state;
      const busy = document.querySelector("details.act[open]");
      if (state !== task.dataset.state && !busy) {
        location.replace(location.pathname + "?id=" + encodeURIComponent(new URLSearchParams(location.search).get("id")));
        return;
      }
    }
    replace(live, next);
    tell("Live, " + new Date().toLocaleTimeString());
  }

  // Replaces what differs only, so that a selection, the focus and the place that a table was
  // scrolled to stay as they are.
  function replace(old, next) {
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
      for (const a of Array.from(o.attributes)) if (!n.hasAttribute(a.name)) o.removeAttribute(a.name);
      for (const a of Array.from(n.attributes)) if (o.getAttribute(a.name) !== a.value) o.setAttribute(a.name, a.value);
      replace(o, n);
    });
  }

  function open() {
    if (source || document.hidden) return;
    source = new EventSource(address);
    source.addEventListener("live", (e) => put(e.data));
    source.addEventListener("version", (e) => {
      if (e.data !== document.body.dataset.version) location.reload();
    });
    source.addEventListener("gone", () => {
      close();
      tell("The task is known no more");
    });
    source.onerror = () => {
      tell("Not connected, trying again");
      if (source && source.readyState === EventSource.CLOSED) { // an answer that is no stream: of a proxy, while the service starts
        close();
        setTimeout(open, 3000);
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
