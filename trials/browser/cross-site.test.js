// Pages of other origins call a service with the cookie of its user: one that is trusted
// may (CORS), others change nothing (CSRF).
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { after, before, beforeEach, test } from "node:test";
import { launchProfile, start } from "./programs.js";

let context; // a browser's
let folder; // its profile
let service; // its program
let origin; // its origin
const friend = { host: "localhost" }; // another site, which is trusted
const strangers = {
  "of another site": { host: "localhost" },
  "of the same site": { host: "127.0.0.1" }, // a site is a host without its port
};
const sites = [friend, ...Object.values(strangers)];

before(async () => {
  for (const site of sites) {
    site.server = createServer((_, answer) => answer.setHeader("Content-Type", "text/html").end("<!doctype html><title>Site</title>"));
    site.server.listen(0, "127.0.0.1");
    await once(site.server, "listening");
    site.origin = `http://${site.host}:${site.server.address().port}`;
  }
  service = await start("service", "-friend", friend.origin);
  origin = `http://127.0.0.1:${service.port}`;
  folder = await mkdtemp(`${tmpdir()}/profile-`);
  context = await launchProfile(folder);
});
after(async () => {
  await context?.close();
  if (folder) await rm(folder, { recursive: true, maxRetries: 3 });
  await service?.stop();
  for (const site of sites) {
    site.server?.closeAllConnections();
    site.server?.close();
  }
});

// What the service has, asked without a browser.
async function state() {
  const answer = await fetch(`${origin}/name`, { headers: { Cookie: "session=7f1d0c52b9" } });
  assert.equal(answer.status, 200);
  return answer.json();
}

let marks = 0;

// arrived returns what has arrived at the service since it was called last.
async function arrived() {
  const mark = `GET /mark-${++marks} `;
  await fetch(`${origin}${mark.slice(4).trim()}`);
  while (!service.log.some((line) => line.includes(mark))) await once(service.lines, "line");
  return service.log.splice(0).map((line) => line.match(/arrived: (.*)/)?.[1]).filter((line) => line && !line.startsWith("GET"));
}

let unchanged;
beforeEach(async () => {
  unchanged = await state();
  await arrived();
});

// visit opens a page of an origin in a browser that has the cookie of the service.
async function visit(t, address) {
  const page = await context.newPage();
  t.after(async () => {
    // A page that is closed on its way to another, as by a form, is sometimes never said to
    // be closed.
    await page.goto("about:blank");
    await page.close();
  });
  page.setDefaultTimeout(15_000);
  await page.goto(`${origin}/`);
  assert.equal((await context.cookies(origin))[0].name, "session");
  await page.goto(`${address}/`);
  return page;
}

// call has the page send a request, and returns what it may read: null for nothing.
function call(page, options) {
  return page.evaluate(
    async ([url, init]) => {
      try {
        const answer = await fetch(url, init);
        const text = await answer.text();
        return { type: answer.type, status: answer.status, changed: answer.headers.get("X-Changed"), text };
      } catch (error) {
        if (error instanceof TypeError) return null; // the browser forbids it
        throw error;
      }
    },
    [`${origin}/name`, options],
  );
}

const put = (name, headers = {}, credentials = "include") => ({
  method: "PUT",
  credentials,
  headers: { "Content-Type": "application/json", ...headers },
  body: JSON.stringify({ name }),
});

// post is a request without a preflight.
const post = (mode) => ({
  method: "POST",
  mode,
  credentials: "include",
  headers: { "Content-Type": "application/x-www-form-urlencoded" },
  body: "name=Eve",
});

test("a page that is trusted changes the name, with the cookie, after a preflight", async (t) => {
  const page = await visit(t, friend.origin);
  const answer = await call(page, put("Ada", { "X-Reason": "marriage" }));
  const want = { name: "Ada", changes: unchanged.changes + 1, reason: "marriage" };
  assert.deepEqual({ ...answer, text: JSON.parse(answer.text) }, { type: "cors", status: 200, changed: "yes", text: want });
  assert.deepEqual(await state(), want);
  assert.deepEqual(await arrived(), ["OPTIONS /name with no cookie", "PUT /name with the cookie"]);
  assert.deepEqual(JSON.parse((await call(page, { credentials: "include" })).text), want);
});

test("a page that is trusted reads problems, also that it has no cookie", async (t) => {
  const page = await visit(t, friend.origin);
  const answer = await call(page, put("Eve", {}, "omit"));
  assert.equal(answer.status, 401);
  assert.match(answer.text, /log in first/);
  assert.deepEqual(await state(), unchanged);
});

test("a field that the preflight does not allow keeps the request from being sent", async (t) => {
  const page = await visit(t, friend.origin);
  assert.equal(await call(page, put("Eve", { "X-Other": "1" })), null);
  assert.deepEqual(await arrived(), ["OPTIONS /name with no cookie"]);
  assert.deepEqual(await state(), unchanged);
});

for (const [name, stranger] of Object.entries(strangers)) {
  test(`a page ${name} reads and changes nothing`, async (t) => {
    const page = await visit(t, stranger.origin);
    assert.equal(await call(page, put("Eve")), null);
    assert.equal(await call(page, { credentials: "include" }), null);
    assert.deepEqual(await arrived(), ["OPTIONS /name with no cookie"]);
    assert.equal(await call(page, post("cors")), null);
    assert.deepEqual(await arrived(), ["POST /name with the cookie"]);
    assert.deepEqual(await state(), unchanged);
  });

  test(`what a page ${name} sends blindly is refused`, async (t) => {
    const page = await visit(t, stranger.origin);
    const refused = page.waitForResponse((answer) => answer.request().method() === "POST");
    const answer = await call(page, post("no-cors"));
    assert.equal(answer.type, "opaque");
    await isRefused(await refused);
  });

  test(`a form of a page ${name} is refused`, async (t) => {
    const page = await visit(t, stranger.origin);
    await isRefused(await submit(page, page));
    assert.match(await page.locator("body").innerText(), /a page of another origin has sent this request/);
  });
}

// isRefused checks that a request had the cookie, and changed nothing all the same.
async function isRefused(answer) {
  assert.equal(answer.status(), 403);
  assert.deepEqual(await arrived(), ["POST /name with the cookie"]);
  assert.deepEqual(await state(), unchanged);
}

// submit has a frame send a form to the service, and returns the answer.
async function submit(page, frame) {
  const answer = page.waitForResponse((answer) => answer.request().method() === "POST");
  await frame.evaluate((action) => {
    document.body.innerHTML = `<form method="post" action="${action}"><input name="name" value="Eve"></form>`;
    document.querySelector("form").submit();
  }, `${origin}/name`);
  return answer;
}

test("the service's own form changes the name", async (t) => {
  const page = await visit(t, origin);
  await page.locator("input").fill("Grace");
  const answer = page.waitForResponse((answer) => answer.request().method() === "POST");
  await page.getByRole("button").click();
  assert.equal((await answer).status(), 200);
  assert.deepEqual(await state(), { name: "Grace", changes: unchanged.changes + 1, reason: "" });
});

// Origin: null, which a page gets by a sandbox, is nobody's: neither of the trusted page
// around it nor of the service itself.
for (const [name, address] of [["the trusted page", () => friend.origin], ["the service's own page", () => origin]]) {
  test(`a sandbox in ${name} reads and changes nothing`, async (t) => {
    const page = await visit(t, address());
    await page.evaluate(() => {
      const frame = document.createElement("iframe");
      frame.sandbox = "allow-scripts allow-forms";
      frame.srcdoc = "<!doctype html><body>";
      document.body.append(frame);
      return new Promise((resolve) => frame.addEventListener("load", resolve));
    });
    const frame = page.frames()[1];
    assert.equal(await frame.evaluate(() => window.origin), "null");
    assert.equal(await call(frame, put("Eve")), null);
    assert.equal(await call(frame, { credentials: "include" }), null);
    assert.deepEqual(await arrived(), ["OPTIONS /name with no cookie"]);
    await isRefused(await submit(page, frame));
  });
}
