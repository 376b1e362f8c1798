// Numbers to pixels and to text; nothing here touches the document.

/** About `count` round numbers from `low` to `high`. */
function ticks(low, high, count) {
  const span = high - low;
  if (!(span > 0)) return [low];
  const power = 10 ** Math.floor(Math.log10(span / count));
  const step = power * [1, 2, 5, 10].find((factor) => span / (factor * power) <= count);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

function scale(low, high, from, to) {
  if (high === low) return () => (from + to) / 2;
  return (value) => from + ((value - low) / (high - low)) * (to - from);
}

/** 12000 -> 12k, with as many digits as tell it from a value that is `step` away, and four where there is no step. */
function short(value, step = Infinity) {
  const size = Math.abs(value);
  const needed = size > 0 ? Math.min(15, 1 + Math.ceil(Math.log10(size / step))) : 0;
  const digits = Math.max(4, needed);
  for (const [limit, unit] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (size >= limit) return Number((value / limit).toPrecision(digits)) + unit;
  }
  if (size > 0 && size < 1e-3) return value.toExponential(Math.max(1, needed - 1));
  return String(Number(value.toPrecision(digits)));
}

/** The texts of ticks, all of them different. */
function labels(values) {
  return values.map((value) => short(value, values.length > 1 ? values[1] - values[0] : Infinity));
}

/** Seconds of the unit that an axis is at least two of, and its name. */
function timeUnit(seconds) {
  return [[3600, "hours"], [60, "minutes"], [1, "seconds"]].find(([size]) => seconds >= 2 * size) || [1, "seconds"];
}

/** Index of the value of a growing list that is nearest to `wanted`. */
function nearest(values, wanted) {
  let low = 0;
  let high = values.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (values[middle] < wanted) low = middle;
    else high = middle;
  }
  return Math.abs(values[low] - wanted) <= Math.abs(values[high] - wanted) ? low : high;
}

/** Least and greatest of the known values whose place on the axis is in `from`..`to`; null where there is none. */
function extent(axis, values, from, to) {
  let found = null;
  axis.forEach((place, index) => {
    const value = values[index];
    if (value === null || place < from || place > to) return;
    found = found ? [Math.min(found[0], value), Math.max(found[1], value)] : [value, value];
  });
  return found;
}

/** An SVG path through the known points. */
function path(axis, values, x, y) {
  let command = "M";
  return axis
    .map((place, index) => {
      if (values[index] === null) {
        command = "M";
        return "";
      }
      const step = `${command}${x(place).toFixed(1)} ${y(values[index]).toFixed(1)}`;
      command = "L";
      return step;
    })
    .join("");
}

/** Indices of the known values that have no known neighbour, so that no path runs through them. */
function lonely(values) {
  const isKnown = (index) => values[index] !== undefined && values[index] !== null;
  return [...values.keys()].filter((index) => isKnown(index) && !isKnown(index - 1) && !isKnown(index + 1));
}

/** The closed path between two lines; empty where there is no interval. */
function bandPath(axis, low, high, x, y) {
  if (!axis.length || low.includes(null) || high.includes(null)) return "";
  const back = path([...axis].reverse(), [...low].reverse(), x, y);
  return `${path(axis, high, x, y)}L${back.slice(1)}Z`;
}

/** Neighbours of equal value as [from, to, value], `to` excluded. */
function stretches(values) {
  const found = [];
  values.forEach((value, index) => {
    const last = found[found.length - 1];
    if (last && last[2] === value) last[1] = index + 1;
    else found.push([index, index + 1, value]);
  });
  return found;
}
