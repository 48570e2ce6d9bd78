// The page of the example chat in a browser, under its own policy: two tabs see what each
// other writes, as text, nothing is asked of others, and nothing complains.
//
// SCREENSHOTS is a folder for pictures.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, open, start } from "./programs.js";

const { SCREENSHOTS: folder } = process.env;

let browser, chat, url;
before(async () => {
  chat = await start("chat");
  url = `http://127.0.0.1:${chat.port}`;
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await chat?.stop();
});

async function enter(page, name, room) {
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Room").fill(room);
  await page.getByRole("button", { name: "Enter" }).click();
  await page.getByText(`You are in ${room} as ${name}.`).waitFor();
}

async function say(page, text) {
  await page.getByLabel("Message", { exact: true }).fill(text);
  await page.getByRole("button", { name: "Send" }).click();
}

const heard = (page, text) => page.getByRole("listitem").filter({ hasText: text }).waitFor();

test("two tabs see each other's messages", async (t) => {
  const context = await browser.newContext({ viewport: { width: 900, height: 700 } });
  t.after(() => context.close());
  const ada = await open(context, url);
  const bob = await open(context, url);
  const policy = ada.response.headers()["content-security-policy"];
  assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';/);
  assert.doesNotMatch(policy, /unsafe|\*/);

  await enter(ada.page, "Ada", "go & co");
  await enter(bob.page, "Bob", "go & co");
  await heard(ada.page, "Bob is here");
  await say(ada.page, "hello <b>Bob</b>");
  await heard(bob.page, "Ada: hello <b>Bob</b>");
  await heard(ada.page, "Ada: hello <b>Bob</b>");
  assert.equal(await bob.page.locator("#events b").count(), 0, "text, and not HTML");
  await say(bob.page, "@ada@example.org ß 👋");
  await heard(ada.page, "Bob: @ada@example.org ß 👋");
  if (folder) await ada.page.screenshot({ path: `${folder}/chat.png`, fullPage: true });

  await enter(bob.page, "Bob", "elsewhere");
  await heard(ada.page, "Bob has left");
  await say(ada.page, "alone");
  await heard(ada.page, "Ada: alone");
  assert.equal(await bob.page.getByText("Ada: alone").count(), 0, "another room");

  const host = new URL(url).host;
  for (const { asked, complaints } of [ada, bob]) {
    assert(asked.length >= 4, asked.join(" "));
    for (const one of asked) assert.equal(new URL(one).host, host, one);
    assert.deepEqual(complaints, []);
  }
});

// A page of another origin can't connect with the cookies of a user.
test("a page of another origin is refused", async (t) => {
  const context = await browser.newContext();
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto("about:blank"); // whose origin is null
  const opened = await page.evaluate(
    (target) =>
      new Promise((resolve) => {
        const socket = new WebSocket(target);
        socket.onopen = () => resolve(true);
        socket.onerror = () => resolve(false);
      }),
    `${url.replace("http", "ws").replace(/\/$/, "")}/rooms/lobby?name=Eve`,
  );
  assert.equal(opened, false);
});
