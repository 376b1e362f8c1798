// The page: its sections, and the choice of methods that all charts share.

const COLOURS = 10;

function page(content) {
  const methods = content.methods.map((each, index) => ({ ...each, index, colour: `m${index % COLOURS}`, isShown: true }));
  const charts = [];

  const tasks = content.tasks.length > 1 || content.tasks[0] !== content.environment ? ` (${content.tasks.join(", ")})` : "";
  document.getElementById("about").append(`Environment ${content.environment}${tasks}. ${content.reading}`);
  document.querySelector("header").append(
    ...content.warnings.map((text) => element("p", { class: "warning" }, text)),
  );

  const choice = document.getElementById("methods");
  for (const method of methods) {
    const toggle = (isShown) => {
      method.isShown = isShown;
      charts.forEach((chart) => chart.draw());
    };
    const count = method.runs === 1 ? "1 run" : `${method.runs} runs`;
    choice.append(checkbox(true, toggle, swatch(method.colour), `${method.name} (${count})`));
  }

  function curves(heading, metrics) {
    let metric = metrics[0];
    let axis = "steps";
    let showRuns = false;
    const missing = element("p", { class: "faint" });
    const chart = new Chart(() => {
      const without = methods.filter(({ index }) => !metric[axis][index]).map(({ name }) => name);
      missing.textContent = without.length ? `Not recorded by all runs of: ${without.join(", ")}.` : "";
      return {
        label: `${metric.title} by ${axis === "steps" ? "environment steps" : "wall time"}`,
        byTime: axis === "seconds",
        isShare: metric.is_share,
        levels: metric.levels,
        showRuns,
        methods: methods.filter(({ isShown }) => isShown)
          .map(({ name, colour, index }) => ({ name, colour, curve: metric[axis][index] })),
      };
    });
    charts.push(chart);
    const rows = metrics.map(({ title, kind }, index) => [index, title, kind]);
    const axes = [["steps", "environment steps"], ["seconds", "wall time"]];
    const controls = element(
      "div",
      { class: "controls" },
      element("label", {}, "Metric", select(rows, 0, (index) => { metric = metrics[index]; chart.show(null); })),
      element("label", {}, "against", select(axes, axis, (name) => { axis = name; chart.show(null); })),
      checkbox(false, (isChecked) => { showRuns = isChecked; chart.draw(); }, "every run"),
      chart.reset,
    );
    const help = "Lines are means over runs, bands their intervals, dots single evaluations. Hover for values, drag to zoom, double-click to reset.";
    return section(heading, controls, chart.node, missing, element("p", { class: "faint" }, help));
  }

  const training = content.curves.filter((each) => !each.is_result);
  const parts = [curves("Curves", content.curves.filter((each) => each.is_result)), results(content.tables)];
  if (training.length) parts.push(curves("Losses and statistics of the training", training));
  if (content.films.length) parts.push(films(content.films));
  parts.push(differences(content), section("Runs", table(content.runs, "runs", "names")));
  document.querySelector("main").append(...parts);
}

function section(heading, ...children) {
  return element("section", {}, element("h2", {}, heading), ...children);
}

function results(tables) {
  const parts = tables.flatMap((each) => [
    element("h3", {}, each.title),
    ...each.tables.flatMap(({ caption, rows }) => [element("p", { class: "faint" }, `${caption}:`), table(rows, caption)]),
  ]);
  return section("Results", ...parts);
}

function differences({ shared_differences: shared, other_differences: others, unknown_configs: unknown }) {
  const parts = [];
  if (unknown.length) {
    parts.push(element("p", { class: "faint" }, `No run_config.json beside the runs of: ${unknown.join(", ")}.`));
  }
  if (shared.length) parts.push(table(shared, "keys that all methods have", "texts"));
  if (others.length) {
    const summary = element("summary", {}, `${others.length - 1} keys that only some methods have`);
    parts.push(element("details", {}, summary, table(others, "keys that only some methods have", "texts")));
  }
  if (!shared.length && !others.length) parts.push(element("p", {}, "No known configurations of methods differ."));
  return section("Differences between the methods' configs", ...parts);
}

page(JSON.parse(document.getElementById("content").textContent));
