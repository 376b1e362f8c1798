"use strict";
// Text from the content becomes text nodes and attributes of fixed names only: there is no innerHTML here.

const SVG = "http://www.w3.org/2000/svg";

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function element(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

function shape(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function swatch(colour) {
  return element("span", { class: `swatch ${colour}` });
}

/** A select of [value, text, group] rows; rows of one group stand together. */
function select(rows, chosen, onChange) {
  const node = element("select");
  const groups = new Map();
  for (const [value, text, group] of rows) {
    if (group !== undefined && !groups.has(group)) {
      groups.set(group, element("optgroup", { label: group }));
      node.append(groups.get(group));
    }
    (group === undefined ? node : groups.get(group)).append(element("option", { value }, text));
  }
  node.value = chosen;
  node.addEventListener("change", () => onChange(node.value));
  return node;
}

function checkbox(isChecked, onChange, ...children) {
  const box = element("input", { type: "checkbox" });
  box.checked = isChecked;
  box.addEventListener("change", () => onChange(box.checked));
  return element("label", {}, box, ...children);
}

/** A dotted key that may go on in the next line behind each of its dots. */
function breakable(key) {
  return key.split(/(?<=\.)/).flatMap((part) => [part, element("wbr")]);
}

/** A table whose first row is its header; it scrolls by itself where it is wider than the page. */
function table(rows, caption, kind = "numbers") {
  const node = element("table", { class: kind, "aria-label": caption });
  const [header, ...body] = rows;
  node.append(element("thead", {}, element("tr", {}, ...header.map((cell) => element("th", { scope: "col" }, cell)))));
  const head = (text) => element("th", { scope: "row" }, ...(kind === "texts" ? breakable(text) : [text]));
  const line = ([first, ...cells]) =>
    element("tr", {}, head(first), ...cells.map((cell) => element("td", {}, cell)));
  node.append(element("tbody", {}, ...body.map(line)));
  return element("div", { class: "wide", tabindex: "0" }, node);
}
