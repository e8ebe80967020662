// Elements of the page: cards, figures, tables. Every text is set as text, never as HTML.
"use strict";

const Tables = (() => {
  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(name, value);
    made.append(...children.filter((c) => c !== null && c !== undefined));
    return made;
  }

  /** A card with a title; returns the card and the place for its content. */
  function card(parent, title, sub, size = "", tall = false) {
    const body = element("div", { class: `plot${tall ? " tall" : ""}` });
    const made = element("article", { class: `card ${size}` }, element("h2", {}, title), element("p", { class: "sub" }, sub ?? ""), body);
    parent.append(made);
    return body;
  }

  /** A number that stands for itself. */
  function figure(parent, name, title, value, detail, tone = "") {
    parent.append(element("article", { class: "card quarter figure", "data-figure": name },
      element("h2", {}, title), element("p", { class: "value" }, value), element("p", { class: `detail ${tone}` }, detail)));
  }

  function empty(body, words) {
    body.classList.remove("plot", "tall");
    body.replaceChildren(element("p", { class: "empty" }, words));
  }

  /** A table: columns is [{title, number?, cell: row => text or element}]. */
  function table(body, columns, rows) {
    body.classList.remove("plot", "tall");
    body.classList.add("scroll");
    body.tabIndex = 0;
    const head = element("tr", {}, ...columns.map((c) => element("th", { class: c.number ? "number" : null, scope: "col" }, c.title)));
    const lines = rows.map((row) => element("tr", {}, ...columns.map((c) => element("td", { class: c.number ? "number" : null }, c.cell(row) ?? "–"))));
    body.replaceChildren(element("table", {}, element("thead", {}, head), element("tbody", {}, ...lines)));
  }

  const badge = (words, tone) => element("span", { class: `badge ${tone}` }, words);

  return { element, card, figure, empty, table, badge };
})();
