// Films: a canvas with the frames of an episode, and beside it a lane for each agent with the subtask it works at.

const LANE = { height: 18, gap: 3, name: 62 };
const SPEEDS = [[2, "2 steps/s"], [4, "4 steps/s"], [8, "8 steps/s"], [16, "16 steps/s"], [30, "30 steps/s"]];
const NONE = -1;

/** Shows one film; `seen` is called with each new frame's index. */
class Player {
  constructor(film, seen) {
    this.film = film;
    this.seen = seen;
    this.now = 0;
    this.timer = null;
    this.speed = 8;
    this.images = film.frames.map(() => null);
    this.canvas = element("canvas", { width: film.width, height: film.height, role: "img", "aria-label": "the episode" });
    this.button = element("button", { type: "button" }, "Play");
    this.button.addEventListener("click", () => (this.timer === null ? this.play() : this.pause()));
    this.slider = element("input", { type: "range", min: 0, max: film.frames.length - 1, value: 0, "aria-label": "step" });
    this.slider.addEventListener("input", () => {
      this.pause();
      this.show(Number(this.slider.value));
    });
    this.counter = element("span", { class: "faint" });
    const speeds = select(SPEEDS, this.speed, (value) => {
      this.speed = Number(value);
      if (this.timer !== null) this.play();
    });
    this.controls = element("div", { class: "controls" }, this.button, this.slider, this.counter, speeds);
  }

  image(index) {
    if (this.images[index] === null) {
      this.images[index] = new Image();
      this.images[index].src = `data:image/webp;base64,${this.film.frames[index]}`;
    }
    return this.images[index];
  }

  show(index) {
    this.now = index;
    this.slider.value = index;
    this.counter.textContent = `step ${this.film.steps[index]} of ${this.film.steps.at(-1)}`;
    this.seen(index);
    const image = this.image(index);
    if (index + 1 < this.images.length) this.image(index + 1);
    // Decoding takes a moment in which another frame may have been asked for.
    return image.decode().then(() => {
      if (this.now === index) this.canvas.getContext("2d").drawImage(image, 0, 0);
    });
  }

  play() {
    this.pause();
    if (this.now === this.images.length - 1) this.show(0);
    this.button.textContent = "Pause";
    this.timer = setInterval(() => {
      if (this.now + 1 < this.images.length) this.show(this.now + 1);
      else this.pause();
    }, 1000 / this.speed);
  }

  pause() {
    clearInterval(this.timer);
    this.timer = null;
    this.button.textContent = "Play";
  }
}

/** Lanes of the agents that are there at some step; `seek` is called with the index of the frame that is clicked at. */
class Lanes {
  constructor({ lanes, colours, steps }, seek) {
    this.agents = lanes
      .map((subtasks, index) => ({ index, subtasks }))
      .filter(({ subtasks }) => subtasks.some((subtask) => subtask !== null));
    this.colours = colours;
    this.steps = steps;
    this.count = steps.length;
    this.now = 0;
    this.svg = shape("svg", { class: "lanes", role: "img", "aria-label": "who works where" });
    this.svg.addEventListener("click", (event) => {
      const box = this.svg.getBoundingClientRect();
      const index = Math.floor(((event.clientX - box.left - LANE.name) / (box.width - LANE.name)) * this.count);
      seek(Math.max(0, Math.min(this.count - 1, index)));
    });
    new ResizeObserver(() => this.draw()).observe(this.svg);
  }

  colour(subtask) {
    return this.colours[subtask % this.colours.length];
  }

  draw() {
    const width = this.svg.clientWidth;
    if (!width) return;
    const height = this.agents.length * (LANE.height + LANE.gap);
    this.x = scale(0, this.count, LANE.name, width);
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute("height", height);
    const lanes = this.agents.flatMap(({ index, subtasks }, row) => this.lane(index, subtasks, row * (LANE.height + LANE.gap)));
    this.line = shape("line", { class: "now", y1: 0, y2: height });
    this.svg.replaceChildren(...lanes, this.line);
    this.show(this.now);
  }

  lane(agent, subtasks, top) {
    const nodes = [shape("text", { class: "name", x: 0, y: top + 13 }, `agent ${agent}`)];
    for (const [from, to, subtask] of stretches(subtasks)) {
      if (subtask === null) continue;
      const [left, right] = [this.x(from), this.x(to)];
      const colour = subtask === NONE ? { class: "none" } : { fill: this.colour(subtask) };
      const place = { x: left, y: top, width: Math.max(1, right - left - 1), height: LANE.height };
      const told = subtask === NONE ? "no subtask" : `subtask ${subtask}`;
      const title = shape("title", {}, `agent ${agent}: ${told}, steps ${this.steps[from]} to ${this.steps[to - 1]}`);
      nodes.push(shape("rect", { ...place, ...colour, "data-subtask": subtask }, title));
      if (subtask !== NONE && right - left > 14) {
        nodes.push(shape("text", { class: "number", x: (left + right) / 2, y: top + 13 }, String(subtask)));
      }
    }
    return nodes;
  }

  show(index) {
    this.now = index;
    if (!this.line) return;
    const place = this.x(index + 0.5);
    this.line.setAttribute("x1", place);
    this.line.setAttribute("x2", place);
  }
}

function films(all) {
  return section("Episodes", ...all.map(({ method, run, reason, episodes }) => {
    const heading = element("h3", {}, run === method ? method : `${method}: ${run}`);
    return element("article", {}, heading, ...(episodes.length ? episodes.map(episode) : [element("p", {}, `No episode: ${reason}.`)]));
  }));
}

function episode(film) {
  let lanes = null;
  const player = new Player(film, (index) => lanes && lanes.show(index));
  const beside = [element("p", { class: "faint" }, film.outcome)];
  if (film.lanes) {
    lanes = new Lanes(film, (index) => {
      player.pause();
      player.show(index);
    });
    const help = "A lane for each agent while it is there: numbers and colours are subtasks, grey is none. Click to see a step.";
    beside.push(lanes.svg, element("p", { class: "faint" }, help));
  } else {
    beside.push(element("p", {}, film.reason));
  }
  player.show(0);
  return element("div", { class: "film" }, element("div", {}, player.canvas, player.controls), element("div", {}, ...beside));
}
