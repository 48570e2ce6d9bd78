// The page of the example feed behind a connection that is cut, and a service that ends:
// it misses no event and gets none twice.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { after, before, test } from "node:test";
import { launch, start } from "./programs.js";

let browser;
before(async () => (browser = await launch()));
after(() => browser?.close());

// A proxy passes bytes on to a program, and can be cut.
class Proxy {
  lastEventIDs = []; // that were asked for, in their order
  connections = new Set();
  open = true;
  cutIn = null; // text in whose middle all is cut

  constructor(port) {
    this.port = port;
    this.server = createServer((client) => this.accept(client));
  }

  async listen() {
    this.server.listen(0, "127.0.0.1");
    await once(this.server, "listening");
    this.url = `http://127.0.0.1:${this.server.address().port}`;
  }

  accept(client) {
    if (!this.open) {
      client.destroy();
      return;
    }
    const service = connect(this.port, "127.0.0.1");
    this.connections.add(client).add(service);
    for (const [one, other] of [[client, service], [service, client]]) {
      one.on("error", () => other.destroy());
      one.on("close", () => {
        this.connections.delete(one);
        other.destroy();
      });
      one.on("end", () => other.end());
    }
    client.on("data", (sent) => {
      for (const [, id] of String(sent).matchAll(/^Last-Event-ID: (.*)\r$/gim)) this.lastEventIDs.push(id);
      service.write(sent);
    });
    service.on("data", (sent) => {
      const at = this.cutIn === null ? -1 : sent.indexOf(this.cutIn);
      if (at < 0) {
        client.write(sent);
        return;
      }
      const half = sent.subarray(0, at + this.cutIn.length / 2);
      this.cutIn = null;
      client.write(half, () => this.cut());
    });
  }

  // cut breaks what is open, and lets nothing through until mend.
  cut() {
    this.open = false;
    for (const connection of this.connections) connection.destroy();
    this.whenCut?.();
  }

  // mend lets connections through, to another port if one is given.
  mend(port = this.port) {
    this.port = port;
    this.open = true;
  }

  close() {
    this.cut();
    this.server.close();
  }
}

// wall opens the page of a program behind a proxy, after what is to be prepared.
async function wall(t, prepare = async () => {}) {
  const program = await start("feed");
  t.after(() => program.stop());
  const proxy = new Proxy(program.port);
  await proxy.listen();
  t.after(() => proxy.close());
  const context = await browser.newContext();
  t.after(() => context.close());
  await context.addInitScript(() => {
    window.seen = []; // the events, beside what the page makes of them
    window.EventSource = class extends window.EventSource {
      constructor(...args) {
        super(...args);
        this.addEventListener("note", (event) => window.seen.push(JSON.parse(event.data).text));
        this.addEventListener("reset", () => window.seen.push("reset"));
        this.addEventListener("open", () => (window.opened = (window.opened ?? 0) + 1));
      }
    };
  });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000); // a browser waits for some seconds before it connects again
  const faults = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  await prepare(page, program);
  await page.goto(proxy.url);
  await page.waitForFunction(() => window.opened === 1);
  return { program, proxy, page, faults };
}

// leave leaves notes, not by the proxy.
async function leave(port, ...texts) {
  for (const text of texts) {
    const answer = await fetch(`http://127.0.0.1:${port}/notes`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ text }),
    });
    assert.equal(answer.status, 201);
  }
}

const shown = (page) => page.locator("li").allInnerTexts();
const seen = (page) => page.evaluate(() => window.seen);
const awaitNote = (page, text) => page.locator("li", { hasText: new RegExp(`^${text}$`) }).waitFor();

test("a page whose connection is cut misses nothing, and gets nothing twice", async (t) => {
  const { program, proxy, page, faults } = await wall(t);
  proxy.cut(); // before there is an event
  await leave(program.port, "one", "two");
  proxy.mend();
  await awaitNote(page, "two");
  await leave(program.port, "three");
  await awaitNote(page, "three");

  const cut = new Promise((resolve) => (proxy.whenCut = resolve));
  proxy.cutIn = "the fourth"; // of which half arrives
  await leave(program.port, "the fourth");
  await cut;
  await leave(program.port, "five", "six");
  proxy.mend();
  await awaitNote(page, "six");
  await leave(program.port, "seven");
  await awaitNote(page, "seven");

  const all = ["one", "two", "three", "the fourth", "five", "six", "seven"];
  assert.deepEqual(await seen(page), all);
  assert.deepEqual(await shown(page), all);
  assert.deepEqual(proxy.lastEventIDs.map((id) => id.replace(/^[A-Z2-7]{13}-/, "")), ["0", "3"]);
  assert.deepEqual(faults, []);
});

test("a note that is both in the list and an event is shown once", async (t) => {
  const { program, page, faults } = await wall(t, (page, program) =>
    page.route("**/notes", async (route) => {
      await leave(program.port, "overlap"); // the page follows the feed already
      await route.continue();
    }),
  );
  await page.waitForFunction(() => window.seen.length === 1);
  await awaitNote(page, "overlap");
  await leave(program.port, "later");
  await awaitNote(page, "later");
  assert.deepEqual(await seen(page), ["overlap", "later"]);
  assert.deepEqual(await shown(page), ["overlap", "later"]);
  assert.deepEqual(faults, []);
});

for (const [signal, code] of [["SIGTERM", 0], ["SIGKILL", null]]) {
  test(`a page loads anew after ${signal}: the next process has other ids`, async (t) => {
    const { program, proxy, page, faults } = await wall(t);
    await leave(program.port, "one", "two");
    await awaitNote(page, "two");
    proxy.open = false;
    assert.equal(await program.stop(signal), code, "the stream does not hold it up");
    const next = await start("feed");
    t.after(() => next.stop());
    await leave(next.port, "first", "second", "third"); // more than the page knows
    proxy.mend(next.port);
    await page.waitForFunction(() => window.seen.includes("reset"));
    await leave(next.port, "fourth");
    await awaitNote(page, "fourth");
    assert.deepEqual(await seen(page), ["one", "two", "reset", "fourth"]);
    assert.deepEqual(await shown(page), ["first", "second", "third", "fourth"]);
    assert.equal(proxy.lastEventIDs.length, 1);
    assert.deepEqual(faults, []);
  });
}

test("the form leaves a note, under the page's own policy", async (t) => {
  const { page, faults } = await wall(t);
  await page.getByLabel("A note").fill("<b>bold</b>");
  await page.getByRole("button").click();
  await awaitNote(page, "<b>bold</b>");
  assert.equal(await page.evaluate(() => document.querySelector("b")), null);
  assert.deepEqual(faults, []);
});
