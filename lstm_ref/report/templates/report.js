"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const rows = data.rows;
  const total = rows.case.length;
  const $ = (id) => document.getElementById(id);
  const FACETS = ["outcome", "implementation", "dtype"];
  const WORDS = { outcome: data.outcomes, implementation: data.implementations, dtype: data.dtypes };

  // ---- cases as they were before the listing wrote repeated text once
  const nameOf = (point) => data.names[data.cases[point][0]];
  const idOf = (point) => nameOf(point)[0] + data.cases[point][1].map((index) => data.pieces[index]).join(",");
  const parametersOf = (point) => [...nameOf(point)[5], ...data.cases[point][2]].map((index) => data.parameters[index]);
  let haystacks = null;
  const haystack = (point) => {
    haystacks ??= data.cases.map((_, index) => [idOf(index), nameOf(index)[1], nameOf(index)[3]].join(" ").toLowerCase());
    return haystacks[point];
  };
  const ratioText = (ratio) => (ratio === null ? "–" : typeof ratio !== "number" ? ratio : ratio < 1e4 ? String(ratio) : ratio.toExponential(1));
  const ratioRank = (ratio) => (ratio === null ? -1 : typeof ratio === "number" ? ratio : Infinity);

  // ---- the filter lives in the hash: "#q=mask&outcome=fail&outcome=crash&params.units=3"
  const KNOWN = new Set(["q", "sort", "file", "case", ...FACETS]);
  const readHash = () => new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
  let filter = readHash();
  const isParameter = (key) => !KNOWN.has(key);

  const matching = () => {
    const wanted = FACETS.map((facet) => {
      const chosen = filter.getAll(facet);
      return chosen.length ? WORDS[facet].map((word) => chosen.includes(word)) : null;
    });
    const words = (filter.get("q") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
    const file = filter.get("file");
    const pairs = [...filter].filter(([key]) => isParameter(key));
    const indices = pairs.map(([key, value]) => data.parameters.findIndex(([k, v]) => k === key && v === value));
    const good = data.cases.map(([name, , own], point) =>
      (file === null || data.names[name][1] === file)
      && indices.every((index) => own.includes(index) || data.names[name][5].includes(index))
      && words.every((word) => haystack(point).includes(word)));
    const found = [];
    for (let row = 0; row < total; row++) {
      if (good[rows.case[row]] && FACETS.every((facet, i) => wanted[i] === null || wanted[i][rows[facet][row]])) found.push(row);
    }
    if (filter.get("sort") === "ratio") found.sort((a, b) => ratioRank(rows.ratio[b]) - ratioRank(rows.ratio[a]) || a - b);
    return found;
  };

  // ---- building elements: text is always text
  const element = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const badge = (word) => element("span", { class: `badge ${word}` }, element("span", { class: "mark", "aria-hidden": "true" }), word);
  const withCase = (id) => {
    const next = new URLSearchParams(filter);
    next.set("case", id);
    return `#${next}`;
  };

  // ---- the list: only the rows in view exist
  let found = [];
  const viewport = $("viewport");
  const body = $("rows");
  const rowHeight = () => parseFloat(getComputedStyle(viewport).getPropertyValue("--row")) * parseFloat(getComputedStyle(document.documentElement).fontSize);
  const space = (height) => element("tr", { class: "space", "aria-hidden": "true" }, element("td", { style: `height:${height}px` }));
  const drawRow = (row, position) => {
    const point = rows.case[row];
    const id = idOf(point);
    const implementation = data.implementations[rows.implementation[row]];
    const dtype = data.dtypes[rows.dtype[row]];
    const ratio = ratioText(rows.ratio[row]);
    return element("tr", { "aria-rowindex": position + 2 },
      element("td", {}, badge(data.outcomes[rows.outcome[row]])),
      element("th", { scope: "row" }, element("a", { href: withCase(id), title: id }, id), element("small", {}, `${implementation} · ${dtype} · ${ratio}`)),
      element("td", {}, implementation),
      element("td", {}, element("code", {}, dtype)),
      element("td", { class: "number" }, ratio));
  };
  let drawn = "";
  const draw = () => {
    const height = rowHeight();
    const first = Math.max(0, Math.floor(viewport.scrollTop / height) - 10);
    const last = Math.min(found.length, Math.ceil((viewport.scrollTop + viewport.clientHeight) / height) + 10);
    if (drawn === `${first} ${last}`) return;
    drawn = `${first} ${last}`;
    const focused = document.activeElement?.closest?.("#rows a")?.getAttribute("href");
    const list = [];
    if (first > 0) list.push(space(first * height));
    for (let position = first; position < last; position++) list.push(drawRow(found[position], position));
    if (last < found.length) list.push(space((found.length - last) * height));
    body.replaceChildren(...list);
    if (focused) [...body.querySelectorAll("a")].find((link) => link.getAttribute("href") === focused)?.focus({ preventScroll: true });
  };

  // ---- one case, with all its outcomes
  const drawCase = () => {
    const panel = $("case");
    const id = filter.get("case");
    const point = id === null ? -1 : data.cases.findIndex((_, index) => idOf(index) === id);
    panel.hidden = point < 0;
    if (point < 0) return;
    const [, file, line, about, source] = nameOf(point);
    const fact = (term, ...value) => element("div", {}, element("dt", {}, term), element("dd", {}, ...value));
    const outcomes = element("ul");
    for (let row = 0; row < total; row++) {
      if (rows.case[row] !== point) continue;
      const item = element("li", {}, badge(data.outcomes[rows.outcome[row]]),
        ` ${data.implementations[rows.implementation[row]]} · ${data.dtypes[rows.dtype[row]]} · error / bound ${ratioText(rows.ratio[row])} `);
      if (rows.message[row]) item.append(`· ${data.messages[rows.message[row]]} `);
      if (rows.anchor[row]) item.append(element("a", { href: `#${rows.anchor[row]}` }, "in full"));
      outcomes.append(item);
    }
    const close = element("button", { type: "button" }, "Close");
    close.addEventListener("click", () => change((next) => next.delete("case")));
    panel.replaceChildren(
      element("h3", {}, id), element("p", { class: "about" }, about, element("span", { class: "source" }, `Source: ${source}`)), outcomes,
      element("dl", { class: "facts" },
        fact("Case file", element("code", {}, `${file}:${line}`)),
        fact("Parameters", element("ul", { class: "chips" }, ...parametersOf(point).map(([key, value]) => element("li", {}, `${key}: ${value}`)))),
        fact("Run it", element("code", { class: "command" }, `lstm-ref run '${id}'`))),
      close);
  };

  // ---- controls show the filter and change it
  const counts = Object.fromEntries(FACETS.map((facet) => {
    const count = WORDS[facet].map(() => 0);
    for (const value of rows[facet]) count[value]++;
    return [facet, count];
  }));
  for (const facet of FACETS) {
    WORDS[facet].forEach((word, index) => {
      if (!counts[facet][index]) return;
      const box = element("input", { type: "checkbox", value: word });
      box.addEventListener("change", () => change((next) => {
        next.delete(facet);
        for (const checked of $(facet).querySelectorAll("input:checked")) next.append(facet, checked.value);
      }));
      $(facet).append(element("label", { class: `chip ${facet === "outcome" ? word : ""}` }, box, word, element("span", { class: "n" }, counts[facet][index].toLocaleString("en"))));
    });
  }
  const showControls = () => {
    if ($("q") !== document.activeElement) $("q").value = filter.get("q") ?? "";
    $("sort").value = filter.get("sort") ?? "";
    for (const facet of FACETS) for (const box of $(facet).querySelectorAll("input")) box.checked = filter.getAll(facet).includes(box.value);
    const extra = [...filter].filter(([key]) => key === "file" || isParameter(key));
    $("extra").replaceChildren(...extra.map(([key, value]) => {
      const button = element("button", { type: "button", "aria-label": `Remove the filter ${key}: ${value}` }, element("code", {}, `${key}: ${value}`), " ×");
      button.addEventListener("click", () => change((next) => next.delete(key, value)));
      return button;
    }));
  };

  const update = () => {
    found = matching();
    viewport.scrollTop = 0;
    drawn = "";
    $("list").setAttribute("aria-rowcount", found.length + 1);
    viewport.hidden = !found.length;
    $("count").textContent = !found.length ? "No outcome matches this filter." : found.length === total ? `${total.toLocaleString("en")} outcomes` : `${found.length.toLocaleString("en")} of ${total.toLocaleString("en")} outcomes`;
    showControls();
    draw();
    drawCase();
  };
  const change = (edit) => {
    const next = new URLSearchParams(filter);
    edit(next);
    filter = next;
    history.replaceState(null, "", next.size ? `#${next}` : location.pathname + location.search);
    update();
  };

  $("q").addEventListener("input", () => change((next) => ($("q").value ? next.set("q", $("q").value) : next.delete("q"))));
  $("sort").addEventListener("change", () => change((next) => ($("sort").value ? next.set("sort", $("sort").value) : next.delete("sort"))));
  $("clear").addEventListener("click", () => { $("q").value = ""; change((next) => [...next.keys()].forEach((key) => next.delete(key))); });
  document.querySelector("#browser form").addEventListener("submit", (event) => event.preventDefault());
  viewport.addEventListener("scroll", () => requestAnimationFrame(draw), { passive: true });
  addEventListener("resize", () => { drawn = ""; draw(); });

  // A failure that a link points at is opened; a link with a filter leads to the list, or to the case that it names.
  const follow = () => {
    if (location.hash.includes("=")) {
      const before = filter.toString().replace(/&?case=[^&]*/, "");
      filter = readHash();
      if (filter.toString().replace(/&?case=[^&]*/, "") === before) { showControls(); drawCase(); } else update();
      const target = filter.has("case") ? $("case") : $("outcomes");
      target.scrollIntoView({ block: filter.has("case") ? "nearest" : "start" });
      target.focus({ preventScroll: true });
    } else {
      const target = location.hash && document.getElementById(location.hash.slice(1));
      if (target instanceof HTMLDetailsElement) { target.open = true; target.scrollIntoView(); }
    }
  };
  addEventListener("hashchange", follow);
  $("browser").hidden = false;
  update();
  if (location.hash) follow();
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
})();
