/** The first line of the page; the demo changes it in one space. */
const GREETING = "Welcome to the shop";

const escape = (text) => String(text).replace(/[&<>"]/g, (mark) => `&#${mark.charCodeAt(0)};`);

function render({ greeting, products, basket, answeredBy }) {
  const rows = products.map(({ name, price }) => `<tr><td>${escape(name)}<td>${escape(price)}</tr>`).join("");
  const services = answeredBy.map(({ service, space }) => `<li>${escape(service)} in ${escape(space)}</li>`).join("");
  return `<!doctype html><title>Shop</title><h1>${escape(greeting)}</h1><table>${rows}</table><p>${basket} in your basket</p><ul>${services}</ul>`;
}

module.exports = { GREETING, render };
