// The page of background work in a browser, under its own policy: all of it reads without
// script, axe-core finds nothing, acts work by the keyboard alone, texts do nothing, and the
// numbers go on after the service has started again. LOAD is for how many seconds it is open
// while a thousand tasks end in each, 5 by default.
//
// SCREENSHOTS is a folder for pictures, PICTURE_DASHBOARD a file for that of the README.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { readFile } from "node:fs/promises";
import axe from "axe-core";
import { launch, open, start } from "./programs.js";

const { SCREENSHOTS: folder, PICTURE_DASHBOARD: picture, LOAD = "5" } = process.env;

let browser, shop, url;
before(async () => {
  shop = await start("dashboard");
  url = `http://localhost:${shop.port}`;
  browser = await launch();
  assert.equal((await fetch(`${url}/orders`, { method: "POST" })).status, 200);
});
after(async () => {
  await browser?.close();
  await shop?.stop();
});

const wide = { width: 1440, height: 900 };
const narrow = { width: 390, height: 844 };

// openAt opens a page of the service, and returns it with what it asks for and what is wrong with it.
async function openAt(t, path, options = {}) {
  const context = await browser.newContext({ viewport: wide, reducedMotion: "reduce", ...options });
  t.after(() => context.close());
  const opened = await open(context, url + path);
  assert.equal(opened.response.status(), 200, path);
  return opened;
}

// follow waits until a page has got its first news.
const follow = (page) => page.locator("#status", { hasText: "Live" }).waitFor();

// renew has a page that has its news ask for them anew, as one does that was out of sight, and
// waits for them.
async function renew(page) {
  await page.evaluate(() => (document.getElementById("status").textContent = ""));
  await reopen(page);
  await follow(page);
}

// reopen has a page ask for its news anew.
function reopen(page) {
  return page.evaluate(() => {
    for (const hidden of [true, false]) {
      Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }
  });
}

// pathOf returns the path of the page of one task.
async function pathOf(page, name) {
  await page.goto(`${url}/admin/tasks`);
  const row = page.getByRole("rowheader", { name, exact: true });
  if (!(await row.count())) await page.goto(`${url}/admin/tasks?state=failed`);
  return `/admin/${await row.getByRole("link").getAttribute("href")}`;
}

const lists = ["", "running", "waiting", "limited", "scheduled", "retrying", "failed", "succeeded"].map((state) => `/admin/tasks?state=${state}`);

// allPages returns the paths of all kinds of pages.
async function allPages(page) {
  const tasks = [];
  for (const name of ["report 1", "report 3", "charge 1", "import", "digest 1", "stuck"]) tasks.push(await pathOf(page, name));
  return ["/admin/", ...lists, "/admin/tasks?kind=report", "/admin/tasks?kind=none", ...tasks];
}

// complaintsOf returns what axe-core finds, and what is wider than the window.
async function complaintsOf(page) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
  const all = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target).join(", ")}`);
  if (await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth)) all.push("wider than its window");
  return all;
}

for (const colorScheme of ["light", "dark"]) {
  for (const [name, viewport] of Object.entries({ wide, narrow })) {
    test(`axe-core finds nothing, ${colorScheme} and ${name}`, async (t) => {
      const { page, asked, complaints } = await openAt(t, "/admin/", { viewport, colorScheme });
      const found = [];
      for (const path of await allPages(page)) {
        await page.goto(url + path);
        await follow(page);
        for (const act of await page.locator("details.act summary").all()) await act.click(); // with what they ask
        for (const complaint of await complaintsOf(page)) found.push(`${path}: ${complaint}`);
        const shot = path.replace(/^\/admin\//, "").replace(/[^a-z]+/gi, "-").slice(0, 20) || "overview";
        if (folder) await page.screenshot({ path: `${folder}/dashboard-${shot}-${name}-${colorScheme}.png`, fullPage: true });
      }
      assert.deepEqual(found, []);
      assert.deepEqual(complaints, []);
      assert.deepEqual(asked.filter((address) => !address.startsWith(`${url}/admin/`)), []);
    });
  }
}

test("what axe-core looks for is found", async (t) => {
  const { page } = await openAt(t, "/admin/");
  await page.evaluate(() => document.querySelector("main").append(document.createElement("img"), document.createElement("input")));
  const found = (await complaintsOf(page)).join("\n");
  assert.match(found, /image-alt/);
  assert.match(found, /label/);
});

test("all pages read without script", async (t) => {
  const { page } = await openAt(t, "/admin/", { javaScriptEnabled: false });
  for (const path of await allPages(page)) {
    assert.equal((await page.goto(url + path)).status(), 200, path);
    assert.match(await page.locator("#status").innerText(), /^As of /, path);
    assert(await page.locator("#live").innerText(), path);
  }
  await page.goto(`${url}/admin/`);
  for (const text of ["3 of 64 workers", "report", "Running longest"]) assert.match(await page.locator("#live").textContent(), new RegExp(text));
  await page.getByRole("link", { name: "Tasks" }).click();
  await page.getByLabel("Kind").fill("import");
  await page.getByRole("link", { name: "Failed", exact: true }).click();
  await page.getByRole("link", { name: "import" }).first().click();
  assert.match(await page.locator("#live").innerText(), /no such column: price[^]*work\.go/);
});

// Texts of tasks do nothing, whether the page is made or changed by its script.
test("hostile texts do nothing", async (t) => {
  const { page, complaints } = await openAt(t, "/admin/");
  const path = await pathOf(page, `"><script>window.hacked=1</script><img src=x onerror=window.hacked=2>`);
  for (const at of ["/admin/", "/admin/tasks?state=failed", path]) {
    await page.goto(url + at);
    await follow(page);
    await page.evaluate(() => document.getElementById("live").replaceChildren());
    await renew(page); // all of it is made by the script now
    assert.match(await page.locator("#live").innerText(), /<script>window\.hacked=1<\/script>/, at);
    assert.equal(await page.evaluate(() => window.hacked), undefined, at);
    assert.equal(await page.locator("#live img, #live script").count(), 0, at);
  }
  assert.deepEqual(complaints, []);
});

// press reaches an element by the Tab key, which everybody can see, and presses a key there.
async function press(page, element, key) {
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press("Tab");
    if (await element.evaluate((e) => e === document.activeElement)) {
      const outline = await element.evaluate((e) => getComputedStyle(e).outlineStyle);
      assert.notEqual(outline, "none", "the focus is seen");
      await page.keyboard.press(key);
      return;
    }
  }
  assert.fail("the Tab key does not lead there");
}

// act does an act by the keyboard alone.
async function act(page, label) {
  const details = page.locator("details.act").filter({ has: page.locator("summary", { hasText: label }) });
  await press(page, details.locator("summary"), "Enter");
  await press(page, details.getByRole("button"), "Enter");
  await page.locator("p.done").waitFor();
  return page.locator("p.done").innerText();
}

for (const javaScriptEnabled of [true, false]) {
  const number = javaScriptEnabled ? 1 : 2;
  test(`acts work by the keyboard alone, ${javaScriptEnabled ? "with" : "without"} script`, async (t) => {
    const { page, complaints } = await openAt(t, "/admin/", { javaScriptEnabled });
    const paths = {};
    for (const name of [`report ${number}`, `digest ${number}`, `charge ${number}`]) paths[name] = await pathOf(page, name);
    const shows = (text) => page.locator("#live", { hasText: text }).waitFor();

    await page.goto(`${url}/admin/tasks?kind=charge`);
    assert.match(await act(page, "Pause this kind"), /paused/);
    await page.goto(url + paths[`charge ${number}`]);
    assert.match(await act(page, "Try now"), /waits for its time no longer/);
    await shows("its kind is paused");
    await page.goto(`${url}/admin/tasks?kind=charge`);
    await act(page, "Resume this kind");
    await page.goto(url + paths[`charge ${number}`]);
    await shows("Attempt 2, ");

    await page.goto(url + paths[`digest ${number}`]);
    await act(page, "Discard");
    await shows("cancelled");
    await page.goto(url + paths[`report ${number}`]);
    await act(page, "Cancel");
    if (!javaScriptEnabled) await page.goto(url + paths[`report ${number}`]);
    await shows("cancelled");
    assert.equal(await page.locator("details.act").count(), 0);
    assert.deepEqual(complaints, []);
  });
}

// What is open does not close under the hands of who reads it.
test("news leave what is in hand", async (t) => {
  const { page } = await openAt(t, "/admin/tasks?kind=report");
  await follow(page);
  await page.locator("details.act summary").click();
  await page.getByLabel("Kind").fill("half a wo");
  await renew(page);
  assert.equal(await page.getByLabel("Kind").inputValue(), "half a wo");
  assert(await page.locator("details.act").evaluate((details) => details.open));
});

test("the page goes on after a restart", async (t) => {
  let service = await start("dashboard");
  t.after(() => service.stop());
  const context = await browser.newContext({ viewport: wide });
  t.after(() => context.close());
  const page = await context.newPage();
  await page.goto(`http://localhost:${service.port}/admin/`);
  await follow(page);
  const stale = page.locator("#stale");
  assert(await stale.isHidden());
  await service.stop();
  await stale.filter({ hasText: /What is shown is old\. Live, \d\d:\d\d:\d\d/ }).waitFor();
  service = await start("dashboard", "-listen", `127.0.0.1:${service.port}`);
  await follow(page);
  assert(await stale.isHidden());
  assert.match(await page.locator("#live").textContent(), /3 of 64 workers/);
});

// Where one process makes the page and another its news, they have other versions.
test("a page does not load itself over and over", async (t) => {
  const { page } = await openAt(t, "/admin/");
  await follow(page);
  let asked = 0;
  let loaded = 0;
  page.on("load", () => loaded++);
  const body = "retry: 50\nevent: version\ndata: of another process\n\n";
  const third = new Promise((resolve) => {
    page.route("**/events?*", (route) => {
      if (++asked === 3) resolve();
      return route.fulfill({ contentType: "text/event-stream", body });
    });
  });
  await reopen(page);
  await third;
  assert.equal(loaded, 0);
});

// A link that has the focus stays that of its task, whatever comes before it and goes.
test("rows stay those of their tasks", async (t) => {
  const { page } = await openAt(t, "/admin/tasks?state=running", {});
  await follow(page);
  const left = await page.evaluate(async () => {
    const rows = document.querySelector("#live tbody").rows;
    const link = rows[1].querySelector("a");
    link.focus();
    const key = rows[1].dataset.key;
    const ghost = rows[0].cloneNode(true); // one that has ended since
    ghost.dataset.key = "ended";
    rows[0].before(ghost);
    rows[0].parentElement.append(rows[1]); // and one in another place
    window.held = link;
    return key;
  });
  await renew(page);
  const right = await page.evaluate(() => ({
    focus: document.activeElement === window.held, href: window.held.getAttribute("href"), key: window.held.closest("tr").dataset.key,
    keys: Array.from(document.querySelectorAll("#live tbody tr"), (row) => row.dataset.key),
  }));
  assert.deepEqual([right.focus, right.key], [true, left]);
  assert.equal(right.keys.indexOf(left), 1);
  assert(!right.keys.includes("ended"));
  assert.equal(new URLSearchParams(right.href.split("?")[1]).get("id"), left);
});

// A guard that refuses by now, or sends to its login, is not asked every three seconds for ever.
test("a page that gets no news asks more and more seldom", async (t) => {
  const { page } = await openAt(t, "/admin/");
  await follow(page);
  let asked = 0;
  await page.route("**/events?*", (route) => route.fulfill({ status: ++asked && 401 }));
  await page.clock.install();
  await reopen(page);
  for (let seconds = 0; seconds < 120; seconds += 3) {
    await page.waitForTimeout(50);
    await page.clock.runFor(3000);
  }
  assert.match(await page.locator("#status").innerText(), /^Not connected/);
  assert(asked >= 4 && asked <= 8, `${asked} times in two minutes`);
  await page.unroute("**/events?*");
  await page.clock.runFor(60_000);
  await follow(page);
});

for (const waiting of [1, 100, 65_536]) {
  test(`open while a thousand tasks end in a second and ${waiting} wait`, async (t) => {
    const service = await start("dashboard", "-waiting", String(waiting), "-rate", "1000");
    t.after(() => service.stop());
    const own = await launch(); // whose only tab it is
    t.after(() => own.close());
    const page = await (await own.newContext({ viewport: wide })).newPage();
    const session = await own.newBrowserCDPSession();
    await page.goto(`http://localhost:${service.port}/none`); // in the same process
    await page.waitForTimeout(2000);
    const blank = await use(session);
    await page.goto(`http://localhost:${service.port}/admin/`);
    await follow(page);
    await page.waitForTimeout(3000);
    const first = await use(session);
    await page.waitForTimeout(Number(LOAD) * 1000);
    const last = await use(session);
    const rate = Number((await page.locator("dt", { hasText: "Out per second" }).locator("xpath=../dd").innerText()).replace(/\D+/g, ""));
    const memory = (last.bytes - blank.bytes) / 2 ** 20;
    const core = (100 * (last.seconds - first.seconds)) / Number(LOAD);
    t.diagnostic(`${memory.toFixed(1)} MiB more than a page with a line, ${core.toFixed(1)} % of a core, ${rate} tasks a second`);
    assert(rate > 700, `${rate} tasks a second`);
    assert(memory < 30, `${memory} MiB`);
    assert(core < 10, `${core} % of a core`);
  });
}

// use returns what the processes of tabs have for themselves, in bytes, and the seconds of
// CPU that they have used.
async function use(session) {
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  let bytes = 0;
  let seconds = 0;
  for (const { type, id, cpuTime } of processInfo) {
    if (type !== "renderer") continue;
    seconds += cpuTime;
    const rollup = await readFile(`/proc/${id}/smaps_rollup`, "utf8");
    for (const [, kibibytes] of rollup.matchAll(/^Private_\w+: +(\d+) kB$/gm)) bytes += 1024 * Number(kibibytes);
  }
  return { bytes, seconds };
}

test("the picture of the README", { skip: !picture && "PICTURE_DASHBOARD is not set" }, async (t) => {
  const service = await start("dashboard", "-waiting", "100", "-rate", "300", "-harmless");
  t.after(() => service.stop());
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  t.after(() => context.close());
  const page = await context.newPage();
  await page.waitForTimeout(120_000); // for the plots
  await page.goto(`http://localhost:${service.port}/admin/`);
  await follow(page);
  await page.screenshot({ path: picture, type: "webp", quality: 50, fullPage: true });
});
