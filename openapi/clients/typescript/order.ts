// A client of the example order. Its types, shop.d.ts, were generated from the service's own
// description; docs/clients.md says how.
import createClient, { type Client } from "openapi-fetch";
import type { paths } from "./shop.js";

/** Returns a client of the service at a URL. Without a token it is that of a guest. */
export function connect(baseUrl: string, token?: string): Client<paths> {
  return createClient<paths>({ baseUrl, headers: token ? { Authorization: `Bearer ${token}` } : {} });
}

/** Orders an item and returns the id of the order. */
export async function place(shop: Client<paths>, sku: string, quantity: number): Promise<string> {
  const { data, error, response } = await shop.POST("/order", {
    body: { email: "ada@example.org", items: [{ sku, quantity }] },
  });
  if (data) {
    return data.order_id;
  }
  if ("errors" in error && error.errors) {
    throw new Error(error.errors.map((fault) => `${fault.pointer}: ${fault.detail}`).join("\n"));
  }
  throw new Error(error.detail ?? `the shop answers ${response.status}`);
}
