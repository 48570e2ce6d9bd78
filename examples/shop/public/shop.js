const response = await fetch("/api/products");
const { products } = await response.json();
for (const { name, price, stock } of products) {
  const item = document.createElement("li");
  item.textContent = `${name}: ${(price / 100).toFixed(2)} €, ${stock} in stock`;
  document.getElementById("products").append(item);
}
