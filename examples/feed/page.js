"use strict";

const list = document.querySelector("ol");
const status = document.querySelector("[role=status]");

// show puts a note on the page, unless it is there: the list and the events overlap.
function show(note) {
  if (list.querySelector(`[value="${note.number}"]`)) return;
  const item = document.createElement("li");
  item.value = note.number;
  item.textContent = note.text;
  list.append(item);
}

// load shows all notes. It is called when events come already, so that none is missed
// between the two.
async function load() {
  const answer = await fetch("/notes");
  const notes = await answer.json();
  list.replaceChildren();
  notes.forEach(show);
}

const events = new EventSource("/notes/events");
let loaded = Promise.resolve();
let isNew = true;
events.addEventListener("open", () => {
  status.textContent = "";
  if (isNew) loaded = loaded.then(load);
  isNew = false;
});
events.addEventListener("error", () => (status.textContent = "The connection is lost, and tried again."));
events.addEventListener("reset", () => (loaded = loaded.then(load)));
events.addEventListener("note", (event) => (loaded = loaded.then(() => show(JSON.parse(event.data)))));

document.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const text = event.target.elements.text.value;
  const answer = await fetch("/notes", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ text }),
  });
  if (answer.ok) event.target.reset();
  else status.textContent = `The note was not taken: ${answer.status}`;
});
