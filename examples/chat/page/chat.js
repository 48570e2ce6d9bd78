// The page of the chat. It shows what it is told as text, never as HTML, and connects again
// when the connection was lost.

const byId = (id) => document.getElementById(id);
const state = byId("state");

let socket;
let wait; // before the next try, in milliseconds
let timer;

function show({ from, text }) {
  const line = document.createElement("li");
  if (from) {
    const name = document.createElement("span");
    name.className = "from";
    name.textContent = `${from}: `;
    line.append(name);
  } else {
    line.className = "service";
  }
  line.append(text);
  byId("events").append(line);
  line.scrollIntoView({ block: "nearest" });
}

function enable(open) {
  for (const control of byId("say").elements) control.disabled = !open;
}

function connect() {
  const name = byId("name").value;
  const room = byId("room").value;
  const url = new URL(`/rooms/${encodeURIComponent(room)}`, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  url.searchParams.set("name", name);
  const mine = new WebSocket(url);
  socket = mine;
  mine.onopen = () => {
    wait = 500;
    state.textContent = `You are in ${room} as ${name}.`;
    enable(true);
    byId("text").focus();
  };
  mine.onmessage = (message) => show(JSON.parse(message.data));
  mine.onclose = (event) => {
    if (socket !== mine) return; // another room was entered
    enable(false);
    state.textContent = `The connection is closed (${event.code}${event.reason && `: ${event.reason}`}). Trying again …`;
    timer = setTimeout(connect, wait + Math.random() * wait); // not all tabs at once
    wait = Math.min(wait * 2, 10_000);
  };
}

byId("join").addEventListener("submit", (event) => {
  event.preventDefault();
  const old = socket;
  clearTimeout(timer);
  wait = 500;
  connect();
  old?.close(1000);
});

byId("say").addEventListener("submit", (event) => {
  event.preventDefault();
  socket.send(JSON.stringify({ text: byId("text").value }));
  byId("text").value = "";
});
