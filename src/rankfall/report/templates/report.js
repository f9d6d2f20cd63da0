"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const find = (id) => document.getElementById(id);

if (data.motion) drawMotion(data.motion);
if (data.cells) listCells(data.cells);
document.querySelectorAll("table.sortable").forEach(makeSortable);

// One slider moves three figures: the heat map is redrawn, and a line marks the moment on both curves. The figures take
// their colors from the style sheet, and are drawn anew where the reader turns to the dark or the light scheme, or to
// paper, which is light.
function drawMotion(motion) {
  const slider = find("moment");
  let show = drawFigures(motion);
  slider.addEventListener("input", () => show());
  const redraw = () => { show = drawFigures(motion); };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  for (const [event, isPrinted] of [["beforeprint", true], ["afterprint", false]])
    addEventListener(event, () => { document.documentElement.classList.toggle("printed", isPrinted); redraw(); });
}

function drawFigures(motion) {
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue("--" + name).trim();
  const colors = ["s0", "s1", "s2", "s3", "s4", "s5"].map(color);
  const dashes = ["solid", "dash", "dot", "dashdot"];
  const shared = {
    margin: { l: 52, r: 12, t: 8, b: 40 }, font: { family: "system-ui, sans-serif", size: 12, color: color("ink") },
    paper_bgcolor: color("paper"), plot_bgcolor: color("paper"), legend: { orientation: "h", y: 1.15 },
  };
  const options = { responsive: true, displaylogo: false, displayModeBar: false };
  const axis = (title, more) => ({ title: { text: title }, gridcolor: color("edge"), zeroline: false, ...more });
  const line = (k) => ({ type: "line", xref: "x", yref: "paper", x0: motion.times[k], x1: motion.times[k], y0: 0, y1: 1,
    line: { color: color("ink"), width: 1 } });
  const stop = motion.stop === null ? [] : [{ type: "line", xref: "x", yref: "paper", x0: motion.stop, x1: motion.stop,
    y0: 0, y1: 1, line: { color: color("soft"), width: 2, dash: "dot" } }];
  const last = motion.times.length - 1;
  // a logarithmic axis has a number at each power of ten, and needs two of them
  const errors = Object.values(motion.curves).flatMap(([, values]) => values).filter((value) => value > 0);
  const errorScale = Math.max(...errors) >= 100 * Math.min(...errors)
    ? { type: "log", exponentformat: "power", dtick: 1 } : { rangemode: "tozero" };
  if (motion.maps)
    Plotly.react("map", [{ type: "heatmap", z: motion.maps[last], zmin: -motion.limit, zmax: motion.limit,
      colorscale: "Cividis", colorbar: { thickness: 10 }, hovertemplate: "%{z:.3g}<extra></extra>" }],
      { ...shared, xaxis: { visible: false }, yaxis: { visible: false, autorange: "reversed" } }, options);
  Plotly.react("spectrum", motion.values.map((y, r) => ({ x: motion.times, y, name: "σ" + (r + 1), mode: "lines",
    showlegend: false, line: { color: colors[Math.min(r, 5)], width: r < 5 ? 2 : 1 } })),
    { ...shared, xaxis: axis("flow time"), yaxis: axis("", { rangemode: "tozero" }), shapes: [line(last)] }, options);
  Plotly.react("error", Object.entries(motion.curves).map(([name, [x, y]], k) => ({ x, y, name, mode: "lines",
    showlegend: true, line: { color: colors[k], width: 2, dash: dashes[k] } })),
    { ...shared, xaxis: axis("flow time"), yaxis: axis("", errorScale), shapes: [line(last), ...stop] }, options);
  const slider = find("moment");
  const show = () => {
    const k = Number(slider.value);
    const words = "t = " + digits(motion.times[k]);
    find("moment-time").textContent = words;
    slider.setAttribute("aria-valuetext", words);
    if (motion.maps) Plotly.restyle("map", { z: [motion.maps[k]] });
    Plotly.relayout("spectrum", { shapes: [line(k)] });
    Plotly.relayout("error", { shapes: [line(k), ...stop] });
  };
  show();
  return show;
}

// Filled cells: a hundred a page, in any order, found by the names of row and column, or of the axes.
function listCells(cells) {
  const PAGE = 100;
  const axes = cells.axes;
  const titles = [...axes.map((axis) => axis.title), "value", ...(cells.low ? ["low", "high"] : [])];
  const cell = (k) => [...axes.map((axis) => axis.names[axis.places[k]]), cells.values[k],
    ...(cells.low ? [cells.low[k], cells.high[k]] : [])];
  const all = cells.values.map((_, k) => k);
  let shown = all;
  let page = 0;
  let order = { column: -1, rising: true };
  const header = document.querySelector("#cells thead tr");
  titles.forEach((title, column) => {
    const head = document.createElement("th");
    head.scope = "col";
    if (column >= axes.length) head.className = "n";
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = title;
    button.addEventListener("click", () => {
      order = { column, rising: order.column === column ? !order.rising : true };
      header.querySelectorAll("th").forEach((one, k) => k === column
        ? one.setAttribute("aria-sort", order.rising ? "ascending" : "descending") : one.removeAttribute("aria-sort"));
      list();
    });
    head.append(button);
    header.append(head);
  });
  function list() {
    const wanted = find("search").value.trim().toLowerCase();
    shown = all.filter((k) => !wanted || cell(k).slice(0, axes.length).some((name) => name.toLowerCase().includes(wanted)));
    if (order.column >= 0) {
      const sign = order.rising ? 1 : -1;
      shown = shown.slice().sort((a, b) => sign * compare(cell(a)[order.column], cell(b)[order.column]));
    }
    page = 0;
    fill();
  }
  function fill() {
    const rows = shown.slice(page * PAGE, (page + 1) * PAGE).map((k) => {
      const row = document.createElement("tr");
      cell(k).forEach((value, column) => {
        const box = document.createElement("td");
        box.textContent = value === null ? "unbounded" : String(value);
        if (column >= axes.length) box.className = "n";
        row.append(box);
      });
      return row;
    });
    document.querySelector("#cells tbody").replaceChildren(...rows);
    const first = shown.length ? page * PAGE + 1 : 0;
    find("where").textContent = `${first}–${Math.min((page + 1) * PAGE, shown.length)} of ${shown.length}`;
    find("previous").disabled = page === 0;
    find("next").disabled = (page + 1) * PAGE >= shown.length;
  }
  find("search").addEventListener("input", list);
  find("previous").addEventListener("click", () => { page -= 1; fill(); });
  find("next").addEventListener("click", () => { page += 1; fill(); });
  find("download").addEventListener("click", () => {
    const quoted = (value) => (typeof value === "string" ? `"${value.replaceAll('"', '""')}"` : value === null ? "" : value);
    const text = [titles, ...shown.map(cell)].map((row) => row.map(quoted).join(",")).join("\r\n") + "\r\n";
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = "filled-cells.csv";
    link.click();
  });
  list();
}

// Four digits, or all those before the point up to a million.
function digits(value) {
  return value >= 1e4 && value < 1e6 ? value.toFixed(0) : String(Number(value.toPrecision(4)));
}

function compare(a, b) {
  if (a === null || b === null) return (a === null) - (b === null);
  if (typeof a !== typeof b) return typeof a === "number" ? -1 : 1;
  return typeof a === "string" ? a.localeCompare(b, undefined, { numeric: true }) : a - b;
}

function makeSortable(table) {
  const body = table.tBodies[0];
  Array.from(table.tHead.rows[0].cells).forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    let rising = true;
    button.addEventListener("click", () => {
      const key = (row) => {
        const text = row.cells[column].textContent;
        const number = parseFloat(text);
        return column === 0 || Number.isNaN(number) ? (text === "—" ? null : text) : number;
      };
      const rows = Array.from(body.rows).sort((a, b) => (rising ? 1 : -1) * compare(key(a), key(b)));
      body.replaceChildren(...rows);
      table.tHead.querySelectorAll("th").forEach((one) => one.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", rising ? "ascending" : "descending");
      rising = !rising;
    });
  });
}
