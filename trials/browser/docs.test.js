// The page of the example order in a browser, under its own policy: nothing is asked of
// others, nothing complains, and "Try it out" places an order with a token.
//
// VELITHON_SHOP is the URL of the service, ADA its token. SCREENSHOTS is a folder for
// pictures; PICTURE a file for that of the README.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, open } from "./programs.js";

const { VELITHON_SHOP: url, ADA: token, SCREENSHOTS: folder, PICTURE: picture } = process.env;
assert(url && token, "VELITHON_SHOP and ADA are not set: bash .ci/browser");

let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

// openDocs opens the page, when it has drawn itself.
async function openDocs(t, viewport) {
  const context = await browser.newContext({ viewport, reducedMotion: "reduce" });
  t.after(() => context.close());
  const opened = await open(context, `${url}/docs`);
  await opened.page.getByText("Take an order").waitFor();
  return opened;
}

// authorize types a token into the dialog for it.
async function authorize(page, secret) {
  await page.getByRole("button", { name: "Authorize" }).first().click();
  const dialog = page.locator(".dialog-ux");
  const logout = dialog.getByRole("button", { name: "Remove authorization" });
  if (await logout.isVisible()) await logout.click();
  await dialog.locator("input").fill(secret);
  await dialog.getByRole("button", { name: "Apply credentials" }).click();
  await logout.waitFor();
  await dialog.locator("button.btn-done").click();
}

// order opens the operation and writes a body for it.
async function order(page) {
  await page.getByText("Take an order").click();
  await page.getByRole("button", { name: "Try it out" }).click();
  const body = { email: "ada@example.org", items: [{ sku: "pencil", quantity: 2 }] };
  await page.locator("textarea.body-param__text").fill(JSON.stringify(body, null, 2));
}

// execute sends the order and returns the request, and the status that the page shows.
async function execute(page) {
  const sent = page.waitForRequest((request) => request.method() === "POST");
  await page.getByRole("button", { name: "Execute" }).click();
  const request = await sent;
  const status = (await request.response()).status();
  await page.locator("table.live-responses-table td.response-col_status").filter({ hasText: String(status) }).waitFor();
  return { request, status };
}

async function shoot(page, name) {
  if (folder) await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true });
}

for (const [name, viewport] of Object.entries({ wide: { width: 1280, height: 900 }, narrow: { width: 390, height: 844 } })) {
  test(`an order is placed with a token, ${name}`, async (t) => {
    const { page, response, asked, complaints } = await openDocs(t, viewport);
    const policy = response.headers()["content-security-policy"];
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self';/);
    assert.doesNotMatch(policy, /unsafe|\*/);
    await shoot(page, `${name}-opened`);

    await order(page);

    await authorize(page, "wrong");
    assert.equal((await execute(page)).status, 401);
    const refused = complaints.splice(0); // a browser reports each answer that is no success
    assert.equal(refused.length, 1, String(refused));
    assert.match(refused[0], /401/);

    await authorize(page, token);
    const { request, status } = await execute(page);
    assert.equal(status, 201);
    assert.equal((await request.allHeaders())["authorization"], `Bearer ${token}`);
    assert.match(await page.locator(".live-responses-table .highlight-code").first().innerText(), /"order_id": "[A-Z2-7]{26}"/);
    await shoot(page, `${name}-ordered`);

    assert.deepEqual(complaints, []);
    assert(asked.length >= 6, String(asked)); // the page, its files, the document, two orders
    assert.deepEqual(asked.filter((address) => !address.startsWith(`${url}/`) && !address.startsWith("data:")), []);
    const outside = await page.evaluate(() => {
      if (document.documentElement.scrollWidth <= document.documentElement.clientWidth) return [];
      const wide = (element) => element.getBoundingClientRect().right > document.documentElement.clientWidth;
      return [...document.querySelectorAll("#swagger-ui *")].filter(wide).map((element) => `${element.tagName} ${element.className}`);
    });
    assert.deepEqual(outside, [], "the page is wider than its window");
  });
}

test("the picture of the README", { skip: !picture && "PICTURE is not set" }, async (t) => {
  const { page } = await openDocs(t, { width: 1000, height: 800 });
  await authorize(page, token);
  await order(page);
  assert.equal((await execute(page)).status, 201);
  await page.mouse.move(0, 0);
  const answer = await page.locator(".live-responses-table").boundingBox();
  const height = Math.ceil(answer.y + answer.height + (await page.evaluate(() => window.scrollY)));
  await page.screenshot({ path: picture, type: "webp", quality: 60, fullPage: true, clip: { x: 0, y: 0, width: 1000, height } });
});

// What the tests above look for is found.
test("foreign requests and inline scripts are seen", async (t) => {
  const { page, asked, complaints } = await openDocs(t, { width: 1280, height: 900 });
  await page.evaluate(async () => {
    const script = document.createElement("script");
    script.textContent = "window.inline = true";
    document.body.append(script);
    const image = document.createElement("img");
    image.src = "http://192.0.2.1/foreign.png";
    document.body.append(image);
    await new Promise((resolve) => image.addEventListener("error", resolve));
  });
  assert.equal(await page.evaluate(() => window.inline), undefined);
  const all = complaints.join("\n");
  assert.match(all, /script-src\S* forbids inline/);
  assert.match(all, /img-src forbids http:\/\/192\.0\.2\.1/);
  assert.match(all, /Refused|violates/);
  assert(asked.length > 0);
});
