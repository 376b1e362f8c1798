// Curves that can be hovered, zoomed by dragging and reset by a double click.

const EDGE = { left: 56, right: 14, top: 10, bottom: 40 };
const LEAST_DRAG = 6;
const DIGIT_WIDTH = 7;
const DOT = 4;
const REACH = 12;

/** Roughly, in pixels, of the numbers at the axes. */
function textWidth(text) {
  return DIGIT_WIDTH * text.length;
}

class Chart {
  /** `source()` says what to draw: { label, byTime, isShare, levels, showRuns, methods: [{ name, colour, curve }] }. */
  constructor(source) {
    this.source = source;
    this.zoom = null;
    this.drag = null;
    this.tip = element("div", { class: "tip", hidden: "" });
    this.svg = shape("svg", { role: "img" });
    this.node = element("div", { class: "chart" }, this.svg, this.tip);
    this.reset = element("button", { type: "button", hidden: "" }, "Reset zoom");
    this.reset.addEventListener("click", () => this.show(null));
    this.svg.addEventListener("pointerdown", (event) => this.begin(event));
    this.svg.addEventListener("pointermove", (event) => this.move(event));
    this.svg.addEventListener("pointerup", (event) => this.end(event));
    this.svg.addEventListener("pointercancel", () => this.leave());
    this.svg.addEventListener("pointerleave", () => this.leave());
    this.svg.addEventListener("dblclick", () => this.show(null));
    new ResizeObserver(() => this.draw()).observe(this.node);
  }

  show(zoom) {
    this.zoom = zoom;
    this.draw();
  }

  draw() {
    const width = this.node.clientWidth;
    if (!width) return;
    const height = Math.round(Math.max(230, Math.min(400, width * 0.5)));
    const drawn = this.source();
    const shown = drawn.methods.filter(({ curve }) => curve);
    const everything = shown.flatMap(({ curve }) => [curve, ...this.runs(drawn, curve)]);
    const axes = everything.flatMap((each) => (each.axis.length ? [each.axis[0], each.axis.at(-1)] : []));
    const [from, to] = this.zoom || (axes.length ? [Math.min(...axes), Math.max(...axes)] : [0, 1]);
    const [low, high] = this.heights(everything, drawn, from, to);
    const [unit] = drawn.byTime ? timeUnit(to) : [1];
    const across = ticks(from / unit, to / unit, width < 500 ? 4 : 8);
    const upwards = ticks(low, high, 5);
    const [widest, last] = [Math.max(...labels(upwards).map(textWidth)), textWidth(labels(across).at(-1) || "")];
    const left = Math.max(EDGE.left, widest + 14);
    const right = width - Math.max(EDGE.right, last / 2);
    const x = scale(from, to, left, right);
    const y = scale(low, high, height - EDGE.bottom, EDGE.top);
    this.drawn = { ...drawn, shown, from, to, across, upwards, left, right, x, y, width, height };
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute("aria-label", drawn.label);
    this.svg.replaceChildren(...this.frame(), ...this.lines());
    this.marks = shape("g");
    this.svg.append(this.marks);
    this.reset.hidden = !this.zoom;
    this.tip.hidden = true;
  }

  runs(drawn, curve) {
    // Without a step at which all runs have values there is no mean, and the runs themselves are all there is to see.
    if (!drawn.showRuns && curve.axis.length) return [];
    return curve.runs.map(({ name, points: [axis, mean] }) => ({ name, axis, mean, low: [], high: [] }));
  }

  heights(everything, drawn, from, to) {
    if (drawn.isShare && !this.zoom) return [-0.02, 1.02];
    const found = everything
      .flatMap((each) => [each.mean, each.low, each.high].map((values) => [each.axis, values]))
      .filter(([axis, values]) => values.length === axis.length)
      .map(([axis, values]) => extent(axis, values, from, to))
      .filter(Boolean)
      .concat(drawn.levels.map(([, height]) => [height, height]));
    if (!found.length) return [0, 1];
    const low = Math.min(...found.map(([least]) => least));
    const high = Math.max(...found.map(([, greatest]) => greatest));
    const margin = (high - low) * 0.04 || Math.abs(high) * 0.1 || 1;
    return [low - margin, high + margin];
  }

  frame() {
    const { to, across, upwards, left, right, x, y, height, byTime } = this.drawn;
    const [unit, name] = byTime ? timeUnit(to) : [1, ""];
    const nodes = [];
    labels(upwards).forEach((text, index) => {
      const place = y(upwards[index]);
      nodes.push(shape("line", { class: "grid", x1: left, x2: right, y1: place, y2: place }));
      nodes.push(shape("text", { class: "upwards", x: left - 8, y: place + 4, "text-anchor": "end" }, text));
    });
    labels(across).forEach((text, index) => {
      const place = x(across[index] * unit);
      const foot = height - EDGE.bottom;
      nodes.push(shape("line", { class: "grid", x1: place, x2: place, y1: EDGE.top, y2: foot }));
      nodes.push(shape("text", { class: "across", x: place, y: foot + 16, "text-anchor": "middle" }, text));
    });
    const label = byTime ? `wall time of a run, ${name}` : "environment steps";
    const middle = (left + right) / 2;
    nodes.push(shape("text", { x: middle, y: height - 5, "text-anchor": "middle" }, label));
    return nodes;
  }

  lines() {
    const { shown, levels, left, right, x, y, height } = this.drawn;
    // Its own coordinates end at the frame, so that zoomed curves do not run over the numbers; dots on it are whole.
    const box = [left - DOT, EDGE.top - DOT, right - left + 2 * DOT, height - EDGE.top - EDGE.bottom + 2 * DOT];
    const inner = shape("svg", { x: box[0], y: box[1], width: box[2], height: box[3], viewBox: box.join(" ") });
    for (const [label, value] of levels) {
      inner.append(shape("line", { class: "level", x1: left, x2: right, y1: y(value), y2: y(value) }));
      inner.append(shape("text", { x: left + 6, y: y(value) - 5 }, label));
    }
    for (const { colour, curve: { axis, low, high } } of shown) {
      inner.append(shape("path", { class: `band ${colour}`, d: bandPath(axis, low, high, x, y) }));
    }
    for (const { name, colour, curve } of shown) {
      for (const run of this.runs(this.drawn, curve)) {
        inner.append(shape("path", { class: `run ${colour}`, d: path(run.axis, run.mean, x, y) }));
        inner.append(...this.points(run, colour));
      }
      inner.append(shape("path", { class: `mean ${colour}`, "data-method": name, d: path(curve.axis, curve.mean, x, y) }));
      inner.append(...this.points(curve, colour));
    }
    return [inner];
  }

  points({ axis, mean }, colour) {
    const { x, y } = this.drawn;
    return lonely(mean).map((index) =>
      shape("circle", { class: `dot ${colour}`, cx: x(axis[index]), cy: y(mean[index]), r: DOT }));
  }

  place(event) {
    const box = this.svg.getBoundingClientRect();
    return ((event.clientX - box.left) / box.width) * this.drawn.width;
  }

  value(place) {
    const { from, to, left, right } = this.drawn;
    const inside = Math.max(left, Math.min(right, place));
    return from + ((inside - left) / (right - left)) * (to - from);
  }

  begin(event) {
    if (event.button) return;
    this.drag = this.place(event);
    // A finger that scrolls ends the drag by a pointercancel; a mouse may leave the chart and come back.
    if (event.pointerType === "mouse") this.svg.setPointerCapture(event.pointerId);
  }

  move(event) {
    if (!this.drawn) return;
    const { x, height, width } = this.drawn;
    const place = x(this.value(this.place(event)));
    const foot = height - EDGE.bottom;
    this.marks.replaceChildren(shape("line", { class: "cursor", x1: place, x2: place, y1: EDGE.top, y2: foot }));
    if (this.drag !== null) {
      const start = x(this.value(this.drag));
      this.marks.append(
        shape("rect", { class: "chosen", x: Math.min(start, place), y: EDGE.top, width: Math.abs(place - start),
          height: foot - EDGE.top }),
      );
    }
    this.tell(this.value(place), place, width);
  }

  tell(wanted, place, width) {
    const { from, to, shown, y, x, byTime } = this.drawn;
    const [unit, name] = byTime ? timeUnit(to) : [1, "steps"];
    const rows = [element("div", {}, `${short(wanted / unit, (to - from) / unit / 20 || Infinity)} ${name}`)];
    const told = shown.flatMap(({ name: method, colour, curve }) => curve.axis.length
      ? [{ ...curve, label: method, colour }]
      : this.runs(this.drawn, curve).map((run) => ({ ...run, label: `${method}, ${run.name}`, colour })));
    for (const { label, colour, axis, mean, low, high } of told) {
      if (!axis.length) continue;
      const index = nearest(axis, wanted);
      const isWithin = axis[0] <= wanted && wanted <= axis.at(-1);
      if (mean[index] === null || (!isWithin && Math.abs(x(axis[index]) - place) > REACH)) continue;
      const hasInterval = low.length > 0 && low[index] !== null && low[index] !== high[index];
      const interval = hasInterval ? ` [${short(low[index])}, ${short(high[index])}]` : "";
      rows.push(element("div", {}, swatch(colour), `${label}: ${short(mean[index])}${interval}`));
      this.marks.append(shape("circle", { class: `dot ${colour}`, cx: x(axis[index]), cy: y(mean[index]), r: DOT }));
    }
    this.tip.replaceChildren(...rows);
    this.tip.hidden = false;
    const isLeft = place < width / 2;
    this.tip.style.left = isLeft ? `${place + 14}px` : "";
    this.tip.style.right = isLeft ? "" : `${width - place + 14}px`;
    this.tip.style.maxWidth = `${(isLeft ? width - place : place) - 18}px`;
  }

  end(event) {
    const start = this.drag;
    this.drag = null;
    if (start === null) return;
    const place = this.place(event);
    if (Math.abs(place - start) >= LEAST_DRAG) {
      this.show([this.value(Math.min(start, place)), this.value(Math.max(start, place))]);
    }
  }

  leave() {
    this.drag = null;
    this.tip.hidden = true;
    if (this.marks) this.marks.replaceChildren();
  }
}
