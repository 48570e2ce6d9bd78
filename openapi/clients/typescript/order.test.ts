import assert from "node:assert/strict";
import test from "node:test";
import { connect, place } from "./order.js";

const url = process.env["VELITHON_SHOP"];
const token = process.env["ADA"];
if (!url || !token) {
  throw new Error("VELITHON_SHOP, the URL of a running example order, and ADA, its token, are not set: bash .ci/clients");
}
const shop = connect(url, token);

test("guests and customers order", async () => {
  assert.match(await place(shop, "pencil", 1), /^[A-Z2-7]{26}$/);
  assert.match(await place(connect(url), "pencil", 1), /^[A-Z2-7]{26}$/);
});

test("refused orders", async () => {
  await assert.rejects(place(shop, "pencil", 10_000), { message: "sold out" });
  await assert.rejects(place(connect(url, "wrong"), "pencil", 1), { message: "the token is not known" });
  await assert.rejects(place(shop, "", 0), {
    message: "#/items/0/sku: must have at least 1 character\n#/items/0/quantity: must be at least 1",
  });
});

test("the stock", async () => {
  const { data, error, response } = await shop.GET("/stock/{sku}", { params: { path: { sku: "book" } } });
  assert.equal(response.status, 200);
  assert.equal(error, undefined);
  assert.deepEqual(data, { sku: "book", free: 3 });

  const none = await shop.GET("/stock/{sku}", { params: { path: { sku: "b c?d" } } }); // which is escaped
  assert.equal(none.response.status, 404);
  assert.deepEqual(none.error, { title: "Not Found", status: 404, detail: "this is not for sale" });
});

// What the description forbids does not compile: an error that is expected and missing is one.
test("types are strict", () => {
  const never = async () => {
    // @ts-expect-error: there is no such path
    await shop.GET("/orders");
    // @ts-expect-error: the quantity is a number
    await shop.POST("/order", { body: { email: "ada@example.org", items: [{ sku: "pencil", quantity: "1" }] } });
    // @ts-expect-error: items are required
    await shop.POST("/order", { body: { email: "ada@example.org" } });
    // @ts-expect-error: the SKU is required
    await shop.GET("/stock/{sku}");
    const { data } = await shop.GET("/stock/{sku}", { params: { path: { sku: "book" } } });
    // @ts-expect-error: there is no data if the answer is a problem
    data.free.toFixed();
  };
  assert.equal(typeof never, "function");
});
