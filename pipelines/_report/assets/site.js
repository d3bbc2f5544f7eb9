// Draws the figures from the JSON in the page, switches light and dark, searches. Fetches nothing.
(function () {
  "use strict";
  const root = document.documentElement;
  const phone = matchMedia("(max-width: 40rem)");
  const MOST_HITS = 40;

  // ---- light and dark: styles follow the system until somebody switches
  const remembered = () => { try { return localStorage.getItem("colloquy-theme"); } catch { return null; } };
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  const ink = () => getComputedStyle(document.body).color;

  function setTheme(theme) {
    if (theme) root.dataset.theme = theme; else delete root.dataset.theme;
    for (const plot of document.querySelectorAll(".plot.drawn")) Plotly.relayout(plot, { "font.color": ink() });
  }

  // ---- figures
  const wrapped = (text, width) => text.split(" ").reduce((lines, word) => {
    const last = lines.length - 1;
    if (last >= 0 && (lines[last] + " " + word).length <= width) lines[last] += " " + word; else lines.push(word);
    return lines;
  }, []).join("<br>");

  function fitAxis(axis, letters) {
    if (axis.title && axis.title.text && !axis.title.text.includes("<")) axis.title.text = wrapped(axis.title.text, letters);
    if (axis.title) axis.title.standoff = 8;
    axis.automargin = true;
  }

  const short = (text, letters) => text.length > letters ? text.slice(0, letters - 1) + "…" : text;

  // The end of a name often tells it from the next one, so it goes to a second line before anything is cut.
  const MOST_WRAPPED = 8; // names below a figure that have room for a second line
  const ROW = 34; // pixels that a name of two lines needs
  const inTwoLines = (text, letters) => wrapped(short(text, 2 * letters - 2).split(" ").map((word) => short(word, letters)).join(" "), letters);

  // Long names of rows, columns and series would leave no room for what they name; the pointer still shows rows in full.
  function shorten(figure, letters) {
    for (const trace of figure.data) {
      if (trace.name) trace.name = short(trace.name, letters);
      for (const side of ["x", "y"]) {
        const labels = Array.isArray(trace[side]) ? [...new Set(trace[side])] : [];
        if (!labels.some((label) => typeof label === "string" && label.length > letters)) continue;
        const key = side + "axis" + (trace[side + "axis"] || side).slice(1);
        figure.layout[key] = Object.assign({}, figure.layout[key], { tickmode: "array", tickvals: labels, ticktext: labels.map((label) => side === "x" && labels.length > MOST_WRAPPED ? short(String(label), letters) : inTwoLines(String(label), letters)) });
        if (side === "y") figure.layout.height = Math.max(figure.layout.height || 380, 130 + ROW * labels.length);
      }
    }
  }

  // On a phone a colour bar beside the figure would take half of it, so it lies above.
  function fitPhone(figure) {
    const layout = figure.layout;
    for (const trace of figure.data) {
      if (trace.colorbar) Object.assign(trace.colorbar, { orientation: "h", thickness: 10, x: 0, xanchor: "left", y: 1.02, yanchor: "bottom", len: 1 });
    }
    layout.font = Object.assign({}, layout.font, { size: 11 });
    layout.margin = Object.assign({}, layout.margin, { l: 8, r: 8 });
  }

  // Margins were made for a title inside the figure and a legend below it: the title is text above the figure now.
  function fit(figure, width) {
    const layout = figure.layout;
    delete layout.title;
    const legend = figure.data.length > 1 && layout.showlegend !== false;
    const named = (layout.annotations || []).some((note) => /^(paper|y\d* domain)$/.test(note.yref) && note.y === 1); // a line's name is there
    layout.margin = Object.assign({}, layout.margin, { t: (legend ? 40 : 24) + (legend && named ? 22 : 0), b: 12 }); // axes add what they need
    if (legend && named) layout.legend = Object.assign({}, layout.legend, { y: 1 + 26 / ((layout.height || 380) - 110) });
    for (const name of Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key))) {
      fitAxis(layout[name], Math.floor((name[0] === "x" ? width * 0.6 : layout.height || 380) / 8));
    }
    shorten(figure, Math.floor(width / 18));
    if (phone.matches) fitPhone(figure);
    layout.font = Object.assign({}, layout.font, { color: ink() });
    return figure;
  }

  function draw(plot) {
    const source = plot.dataset.figure || plot.querySelector("script").textContent;
    plot.dataset.figure = source;
    const figure = fit(JSON.parse(source), plot.clientWidth || 700);
    plot.style.height = (figure.layout.height || 380) + "px";
    // Drawn anew, because an update would leave the old colour bar where it was.
    Plotly.purge(plot);
    plot.replaceChildren();
    Plotly.newPlot(plot, figure.data, figure.layout, { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["lasso2d", "select2d"] });
    plot.classList.add("drawn");
  }

  const drawAll = () => document.querySelectorAll(".plot").forEach(draw);

  // ---- search: every word must be in a section; sections whose title holds one come first
  function hits(words, withRun) {
    const found = [];
    for (const run of window.colloquySearch || []) for (const page of run.pages) for (const [anchor, heading, text] of page.sections) {
      const title = [withRun ? run.run : "", page.title, heading].join(" ").toLowerCase();
      const body = text.toLowerCase();
      if (!words.every((word) => title.includes(word) || body.includes(word))) continue;
      const rank = words.filter((word) => title.includes(word)).length;
      found.push({ rank, run: run.run, page, anchor, heading, text, at: Math.max(0, body.indexOf(words.find((word) => body.includes(word)) || "")) });
    }
    return found.sort((a, b) => b.rank - a.rank);
  }

  function marked(text, words) {
    const line = document.createElement("p");
    const pattern = new RegExp("(" + words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|") + ")", "i");
    text.split(new RegExp(pattern, "gi")).forEach((part) => {
      line.append(pattern.test(part) ? Object.assign(document.createElement("mark"), { textContent: part }) : part);
    });
    return line;
  }

  function item(hit, words, base) {
    const line = document.createElement("li");
    const href = (base ? encodeURIComponent(hit.run) + "/" : "") + hit.page.page + (hit.anchor ? "#" + hit.anchor : "");
    const label = [base ? hit.run : "", hit.page.title, hit.heading].filter(Boolean).join(" · ");
    line.append(Object.assign(document.createElement("a"), { href, textContent: label }));
    line.append(marked(hit.text.slice(Math.max(0, hit.at - 70), hit.at + 150), words));
    return line;
  }

  function search(form, list) {
    const words = form.querySelector("input").value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = words.length ? hits(words, Boolean(form.dataset.base)) : [];
    list.replaceChildren(...found.slice(0, MOST_HITS).map((hit) => item(hit, words, form.dataset.base)));
    list.hidden = words.length === 0;
    const more = found.length > MOST_HITS ? `${found.length - MOST_HITS} more; add a word.` : found.length ? "" : "Nothing found.";
    if (more) list.append(Object.assign(document.createElement("li"), { textContent: more, className: "more" }));
  }

  setTheme(remembered());
  drawAll();
  phone.addEventListener("change", drawAll);
  document.getElementById("theme").addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("colloquy-theme", theme); } catch { /* a page opened from disk may have no storage */ }
    setTheme(theme);
  });
  // Paper is white: figures take its ink, and views that would be drawn on sight are drawn now.
  addEventListener("beforeprint", () => {
    root.dataset.before = root.dataset.theme || "";
    setTheme("light");
    document.querySelectorAll("iframe[loading]").forEach((frame) => frame.removeAttribute("loading"));
  });
  addEventListener("afterprint", () => setTheme(root.dataset.before));
  const form = document.getElementById("search");
  if (form) {
    const list = document.getElementById("hits");
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", () => search(form, list));
    if (form.querySelector("input").value) search(form, list);
  }
})();
