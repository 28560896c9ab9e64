/**
 * The browser half of `PlotlyView`: one figure, its caption and its table.
 *
 * plotly.js comes from the server where the page asks for it by itself, as ours under Voila do, and
 * else gzipped in a widget of its own, evaluated once a page, whichever chart asks first; anywidget
 * imports this file afresh for every chart, so what charts share lives on globalThis.
 */

const SHARED = Symbol.for("graphbits.plotly");
const SERVED = Symbol.for("graphbits.served");
const CONFIG = {
  displaylogo: false,
  showSendToCloud: false,
  displayModeBar: "hover",
  modeBarButtonsToRemove: ["lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d"],
  typesetMath: false,
};

/** Return what all charts of the page share: the library, and the queue they are drawn from. */
function shared() {
  return (globalThis[SHARED] ??= { library: null, queue: Promise.resolve() });
}

/** Return plotly.js: the module that the page has asked for, else what the library widget holds. */
function plotly(model) {
  const page = shared();
  page.library ??= (globalThis[SERVED]?.then((served) => served.default) ?? held(model)).catch(
    (error) => {
      page.library = null;
      throw error;
    },
  );
  return page.library;
}

async function held(model) {
  const id = model.get("library").replace("IPY_MODEL_", "");
  const library = await model.widget_manager.get_model(id);
  return evaluate(library.get("source"));
}

/**
 * Evaluate a gzipped UMD source where it sees no AMD loader, Voila's or another.
 *
 * That may block a slow page for two seconds, and anywidget gives up on a model that is not ready
 * after two: the models that are being made come first.
 */
async function evaluate(source) {
  const unzipped = new Blob([source]).stream().pipeThrough(new DecompressionStream("gzip"));
  const text = await new Response(unzipped).text();
  const whenIdle = globalThis.requestIdleCallback ?? setTimeout;
  await new Promise((idle) => whenIdle(idle, { timeout: 1000 }));
  const module = { exports: {} };
  new Function("module", "exports", "define", text)(module, module.exports, undefined);
  return module.exports;
}

/** Run a drawing after those before it, and let the page answer in between. */
function inTurn(draw) {
  const page = shared();
  const drawn = page.queue.then(draw);
  page.queue = drawn.catch(() => {}).then(() => new Promise((next) => setTimeout(next)));
  return drawn;
}

function append(parent, tag, className = "") {
  const child = parent.appendChild(document.createElement(tag));
  child.className = className;
  return child;
}

/** Return a cell's text: numbers to four digits, a dash for what is missing. */
function cellText(value) {
  if (value === null) return "–";
  if (typeof value !== "number" || Number.isInteger(value)) return String(value);
  return String(Number(value.toPrecision(4)));
}

/** Fill a table; where rows have keys, a row's first cell is a button that picks it. */
function fillTable(table, { columns, rows, keys }, pick) {
  table.replaceChildren();
  const head = append(table.createTHead(), "tr");
  for (const name of columns) {
    const th = append(head, "th");
    th.scope = "col";
    th.textContent = name;
  }
  const body = table.createTBody();
  rows.forEach((row, point) => {
    const tr = append(body, "tr");
    row.forEach((value, column) => {
      const td = append(tr, "td", typeof value === "number" ? "graphbits-number" : "");
      if (keys && column === 0) {
        const button = append(td, "button");
        button.textContent = cellText(value);
        button.onclick = () => pick(null, point, keys[point]);
      } else {
        td.textContent = cellText(value);
      }
    });
  });
}

function render({ model, el }) {
  el.classList.add("graphbits-plot");
  const figure = append(el, "figure");
  const plot = append(figure, "div", "graphbits-chart");
  const caption = append(figure, "figcaption");
  const details = append(el, "details");
  append(details, "summary").textContent = "Numbers behind this chart";
  const table = append(append(details, "div", "graphbits-scroll"), "table");
  plot.setAttribute("role", "group"); // an image may hold no buttons, and the chart has some

  let Plotly = null;
  let disposed = false;
  let asked = false;
  let size = "";
  let drawings = 0;

  const pick = (curve, point, customdata) => {
    const count = (model.get("clicked").count ?? 0) + 1;
    model.set("clicked", { curve, point, customdata, count });
    model.save_changes();
  };

  const select = (range) => {
    const x = range?.x ?? range?.x2; // of two charts side by side, the one it was drawn on
    model.set("selected", range ? { x, y: range.y ?? range.y2 } : {});
    model.save_changes();
  };

  const listen = () => {
    plot.on("plotly_click", ({ points: [{ curveNumber, pointNumber, customdata = null }] }) =>
      pick(curveNumber, pointNumber, ArrayBuffer.isView(customdata) ? [...customdata] : customdata),
    );
    plot.on("plotly_selected", (event) => select(event?.range));
    plot.on("plotly_deselect", () => select(null));
  };

  const react = async () => {
    asked = false;
    const { clientWidth: width, clientHeight: height } = plot;
    size = `${width} ${height}`;
    if (disposed || width === 0) return;
    const { data, layout } = structuredClone(model.get("figure"));
    if (data.length === 0 && !layout.title) return; // a page behind, which is drawn in a moment
    const font = { ...layout.font, color: getComputedStyle(el).color };
    const first = !plot.on;
    // A box that was drawn goes with the figure it was drawn on: the next one shows what it chose.
    const own = { font, width, height, selectionrevision: ++drawings };
    await Plotly.react(plot, data, { ...layout, ...own }, CONFIG);
    if (first) listen();
  };

  /** Draw the newest figure once, however many changes asked for it. */
  const draw = async () => {
    if (asked || disposed) return;
    asked = true;
    try {
      Plotly ??= await plotly(model);
      await inTurn(react);
    } catch (error) {
      asked = false;
      console.error(error);
      caption.textContent = `This chart could not be drawn: ${error.message}`;
    }
  };

  const resize = () => {
    plot.style.setProperty("--graphbits-height", `${model.get("height")}px`);
    draw();
  };

  const describe = () => {
    caption.textContent = model.get("summary");
    plot.setAttribute("aria-label", model.get("summary"));
  };

  const tabulate = () => {
    const content = model.get("table");
    details.hidden = !content.columns;
    if (details.open && !details.hidden) fillTable(table, content, pick);
  };

  describe();
  tabulate();
  resize();
  details.addEventListener("toggle", tabulate);
  model.on("change:figure", draw);
  model.on("change:height", resize);
  model.on("change:summary", describe);
  model.on("change:table", tabulate);
  const observer = new ResizeObserver(() => {
    if (`${plot.clientWidth} ${plot.clientHeight}` !== size) draw();
  });
  observer.observe(plot);

  return () => {
    disposed = true;
    observer.disconnect();
    Plotly?.purge(plot);
  };
}

export default { render };
