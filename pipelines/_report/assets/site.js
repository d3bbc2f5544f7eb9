// Draws the figures from the JSON in the page, switches light and dark, searches the index. Fetches nothing.
(function () {
  "use strict";
  const root = document.documentElement;
  const remembered = () => { try { return localStorage.getItem("colloquy-theme"); } catch { return null; } };
  const preferred = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";

  function setTheme(theme) {
    root.dataset.theme = theme;
    const ink = getComputedStyle(root).getPropertyValue("--ink").trim();
    for (const plot of document.querySelectorAll(".plot.drawn")) Plotly.relayout(plot, { "font.color": ink });
  }

  function draw(plot) {
    const figure = JSON.parse(plot.querySelector("script").textContent);
    figure.layout.font = Object.assign({}, figure.layout.font, { color: getComputedStyle(root).getPropertyValue("--ink").trim() });
    plot.replaceChildren();
    Plotly.newPlot(plot, figure.data, figure.layout, { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["lasso2d", "select2d"] });
    plot.classList.add("drawn");
  }

  function search(words) {
    const hits = document.getElementById("hits");
    hits.replaceChildren();
    hits.hidden = words.length === 0;
    const found = words.length ? window.colloquySearch.filter((page) => words.every((word) => (page.title + " " + page.text).toLowerCase().includes(word))) : [];
    for (const page of found) hits.append(hit(page, words[0]));
    if (words.length && !found.length) hits.append(Object.assign(document.createElement("li"), { textContent: "Nothing found." }));
  }

  function hit(page, word) {
    const item = document.createElement("li");
    item.append(Object.assign(document.createElement("a"), { href: page.page, textContent: page.title }));
    const at = Math.max(0, page.text.toLowerCase().indexOf(word));
    const context = Object.assign(document.createElement("p"), { textContent: page.text.slice(Math.max(0, at - 60), at + 120) });
    item.append(context);
    return item;
  }

  setTheme(remembered() || preferred);
  document.querySelectorAll(".plot").forEach(draw);
  document.getElementById("theme").addEventListener("click", () => {
    const theme = root.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem("colloquy-theme", theme); } catch { /* a page opened from disk may have no storage */ }
    setTheme(theme);
  });
  const form = document.getElementById("search");
  if (form) {
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", (event) => search(event.target.value.toLowerCase().split(/\s+/).filter(Boolean)));
  }
})();
