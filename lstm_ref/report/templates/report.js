"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const rows = data.rows;
  // Lists of indices are text, a character each, without half pairs; cases are differences from the row before.
  const indexOf = (character) => { const code = character.codePointAt(0); return code - (code < 0xd800 ? 33 : 2081); };
  const indices = (text) => Array.from(text, indexOf);
  for (const column in rows) rows[column] = Uint32Array.from(rows[column], indexOf);
  for (const point of data.cases) { point[1] = indices(point[1]); point[2] = indices(point[2]); }
  for (const name of data.names) name[6] = indices(name[6]);
  rows.ratio = Array.from(rows.ratio, (index) => data.ratios[index]);
  const total = rows.case.length;
  for (let row = 1; row < total; row++) rows.case[row] += rows.case[row - 1];
  const $ = (id) => document.getElementById(id);
  const FACETS = ["outcome", "implementation", "dtype"];
  const CHOICES = ["claim-verdict", "claim-source"];
  const WORDS = { outcome: data.outcomes, implementation: data.implementations, dtype: data.dtypes };

  // ---- cases as they were before the listing wrote repeated text once
  const nameOf = (point) => data.names[data.cases[point][0]];
  const fileOf = (point) => data.texts[nameOf(point)[1]];
  const idOf = (point) => nameOf(point)[0] + data.cases[point][1].map((index) => data.pieces[index]).join(",");
  const parametersOf = (point) => [...nameOf(point)[6], ...data.cases[point][2]].map((index) => data.parameters[index]);
  let haystacks = null;
  const haystack = (point) => {
    haystacks ??= data.cases.map((_, index) => [idOf(index), fileOf(index), data.texts[nameOf(index)[3]]].join(" ").toLowerCase());
    return haystacks[point];
  };
  // What is said of an outcome: of a finding that, of others their own message.
  let sayings = null;
  const saying = (row) => {
    sayings ??= { causes: data.causes.map(([, words]) => words.toLowerCase()), messages: data.messages.map((words) => words.toLowerCase()) };
    return `${sayings.causes[rows.cause[row]]} ${sayings.messages[rows.message[row]]}`;
  };
  const ratioText = (ratio) => (ratio === null ? "–" : typeof ratio !== "number" ? ratio : ratio < 1e4 ? String(ratio) : ratio.toExponential(1));
  const ratioRank = (ratio) => (ratio === null ? -1 : typeof ratio === "number" ? ratio : Infinity);

  // ---- the filter lives in the hash: "#q=mask&outcome=fail&outcome=crash&params.units=3"
  const KNOWN = new Set(["q", "sort", "file", "case", "cause", "view", "matrix", ...FACETS, ...CHOICES]);
  const readHash = () => new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
  let filter = readHash();
  const only = (keys) => [...filter.keys()].every((key) => keys.includes(key));
  const isParameter = (key) => !KNOWN.has(key);

  const matching = () => {
    const wanted = FACETS.map((facet) => {
      const chosen = filter.getAll(facet);
      return chosen.length ? WORDS[facet].map((word) => chosen.includes(word)) : null;
    });
    const words = (filter.get("q") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
    const file = filter.get("file");
    const pairs = [...filter].filter(([key]) => isParameter(key));
    const chosen = pairs.map(([key, value]) => data.parameters.findIndex(([k, v]) => k === key && v === value));
    const cause = filter.has("cause") ? data.causes.findIndex(([anchor]) => anchor === filter.get("cause")) : null;
    const good = data.cases.map(([name, , own]) =>
      (file === null || data.texts[data.names[name][1]] === file)
      && chosen.every((index) => own.includes(index) || data.names[name][6].includes(index)));
    const said = words.length ? data.cases.map((_, point) => words.filter((word) => !haystack(point).includes(word))) : null;
    const found = [];
    for (let row = 0; row < total; row++) {
      if (!good[rows.case[row]] || (cause !== null && rows.cause[row] !== cause)) continue;
      if (said !== null && !said[rows.case[row]].every((word) => saying(row).includes(word))) continue;
      if (FACETS.every((facet, i) => wanted[i] === null || wanted[i][rows[facet][row]])) found.push(row);
    }
    if (filter.get("sort") === "ratio") found.sort((a, b) => ratioRank(rows.ratio[b]) - ratioRank(rows.ratio[a]) || a - b);
    return found;
  };

  // ---- building elements: text is always text, and what turns its direction is shown
  const HIDDEN = /[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
  const visible = (text) => text.replace(HIDDEN, (mark) => `\\u${mark.charCodeAt(0).toString(16)}`);
  const element = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children.map((child) => (typeof child === "string" ? visible(child) : child)));
    return made;
  };
  const badge = (word) => element("span", { class: `badge ${word}` }, element("span", { class: "mark", "aria-hidden": "true" }), word);
  const cut = (text, length = 80) => (text.length <= length ? text : `${text.slice(0, length - 1)}…`);
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

  // ---- a source, with a link at each name whose page is known, as in the findings
  const linked = (source, pages) => {
    const known = new Map(pages.filter(([, address]) => /^https?:\/\//.test(address)));
    const names = [...known.keys()].sort((a, b) => b.length - a.length).map((name) => name.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
    const parts = names.length ? source.split(new RegExp(`(?<![\\w.])(${names.join("|")})(?!\\w)`)) : [source];
    const link = (name) => element("a", { href: known.get(name), rel: "noreferrer" }, name);
    const further = [...known.keys()].filter((name) => !parts.includes(name)).flatMap((name) => [" (", link(name), ")"]);
    return [...parts.map((part) => (known.has(part) ? link(part) : part)), ...further];
  };

  // ---- one case, with all its outcomes
  const drawCase = () => {
    const panel = $("case");
    const id = filter.get("case");
    const point = id === null ? -1 : data.cases.findIndex((_, index) => idOf(index) === id);
    panel.hidden = point < 0;
    if (point < 0) return;
    const [, , line, about, source, pages] = nameOf(point);
    const fact = (term, ...value) => element("div", {}, element("dt", {}, term), element("dd", {}, ...value));
    const outcomes = element("ul");
    for (let row = 0; row < total; row++) {
      if (rows.case[row] !== point) continue;
      const item = element("li", {}, badge(data.outcomes[rows.outcome[row]]),
        ` ${data.implementations[rows.implementation[row]]} · ${data.dtypes[rows.dtype[row]]} · error / bound ${ratioText(rows.ratio[row])} `);
      if (rows.message[row]) item.append(visible(`· ${data.messages[rows.message[row]]} `));
      const [anchor, words] = data.causes[rows.cause[row]];
      if (anchor.startsWith("finding")) item.append("· ", element("a", { href: `#${anchor}` }, words));
      else if (anchor) item.append(visible(`· ${words}`));
      outcomes.append(item);
    }
    const close = element("button", { type: "button" }, "Close");
    close.addEventListener("click", () => change((next) => next.delete("case")));
    panel.replaceChildren(
      element("h3", {}, id), element("p", { class: "about" }, data.texts[about], element("span", { class: "source" }, "Source: ", ...linked(data.texts[source], pages.map((index) => data.pages[index])))), outcomes,
      element("dl", { class: "facts" },
        fact("Case file", element("code", {}, `${fileOf(point)}:${line}`)),
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
      $(facet).append(element("label", { class: `chip ${facet === "outcome" ? word : ""}` }, box, cut(word), element("span", { class: "n" }, counts[facet][index].toLocaleString("en"))));
    });
  }
  const showControls = () => {
    if ($("q") !== document.activeElement) $("q").value = filter.get("q") ?? "";
    $("sort").value = filter.get("sort") ?? "";
    onlyNotGreen.checked = filter.has("matrix") ? filter.get("matrix") === "not-green" : asMade;
    for (const choice of document.querySelectorAll("#claims input")) choice.checked = choice.id === (filter.get(choice.name) ?? `${choice.name.slice(6)}-all`);
    for (const facet of FACETS) for (const box of $(facet).querySelectorAll("input")) box.checked = filter.getAll(facet).includes(box.value);
    const extra = [...filter].filter(([key]) => key === "file" || key === "cause" || isParameter(key));
    $("extra").replaceChildren(...extra.map(([key, value]) => {
      const words = key === "cause" ? data.causes.find(([anchor]) => anchor === value)?.[1] ?? value : cut(value);
      const button = element("button", { type: "button", "aria-label": `Remove the filter ${key}: ${words}` }, element("code", {}, `${cut(key)}: ${words}`), " ×");
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
    narrow();
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

  // ---- the findings of a cell: those to which the outcomes of the filter belong
  const findings = [...document.querySelectorAll(".finding")];
  const narrowed = $("narrowed");
  const narrow = () => {
    const on = filter.get("view") === "findings";
    const wanted = on ? new Set(found.map((row) => data.causes[rows.cause[row]][0])) : null;
    const shown = findings.filter((finding) => {
      finding.hidden = on && !wanted.has(finding.id);
      return !finding.hidden;
    });
    for (const kind of document.querySelectorAll(".kind")) kind.hidden = !kind.querySelector(".finding:not([hidden])");
    if (!narrowed) return;
    narrowed.hidden = !on;
    if (!on) return;
    if (shown.length === 1) shown[0].open = true;
    const chosen = [...filter].filter(([key]) => key === "implementation" || key === "dtype" || isParameter(key)).map(([key, value]) => (key === "implementation" ? cut(value) : `${cut(key)}: ${cut(value)}`));
    const all = element("button", { type: "button" }, "Show all findings");
    all.addEventListener("click", () => { change((next) => [...next.keys()].forEach((key) => next.delete(key))); $("findings").focus(); });
    narrowed.replaceChildren(element("strong", {}, `${shown.length} ${shown.length === 1 ? "finding" : "findings"} of ${chosen.join(", ")}`), all);
  };

  // ---- the matrix: whether green rows are shown is part of the link
  const onlyNotGreen = $("only-not-green");
  const asMade = onlyNotGreen.defaultChecked;
  onlyNotGreen.addEventListener("change", () => change((next) => (onlyNotGreen.checked === asMade ? next.delete("matrix") : next.set("matrix", onlyNotGreen.checked ? "not-green" : "all"))));

  // ---- the claims: which of them are shown is part of the link; showing them takes no script
  for (const choice of document.querySelectorAll("#claims input")) {
    choice.addEventListener("change", () => change((next) => (choice.id.endsWith("-all") ? next.delete(choice.name) : next.set(choice.name, choice.id))));
  }

  // ---- copying
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = element("textarea", { style: "position:fixed;top:0" });
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
  };
  const copyButton = (label, text) => {
    const button = element("button", { type: "button", class: "copy", "aria-label": label }, "Copy");
    button.addEventListener("click", async () => {
      await copy(text());
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    return button;
  };
  for (const block of document.querySelectorAll(".copied")) {
    const pre = block.querySelector("pre");
    block.append(copyButton(`Copy: ${pre.getAttribute("aria-label")}`, () => pre.textContent));
  }
  for (const link of document.querySelectorAll(".permalink")) link.append(copyButton("Copy the link to this finding", () => link.querySelector("a").href));

  // A finding that a link points at is opened; a link with a filter leads to the list, to the
  // case that it names, or to the findings that it asks for.
  const follow = () => {
    if (location.hash.includes("=")) {
      const before = filter.toString().replace(/&?case=[^&]*/, "");
      filter = readHash();
      if (filter.toString().replace(/&?case=[^&]*/, "") === before) { showControls(); drawCase(); } else update();
      const target = filter.get("view") === "findings" ? narrowed ?? $("findings") : filter.has("case") ? $("case") : only(["matrix"]) ? $("parameters") : (only(CHOICES) && $("claims")) || $("outcomes");
      target.tabIndex = -1;
      target.scrollIntoView({ block: target === $("case") ? "nearest" : "start" });
      target.focus({ preventScroll: true });
    } else {
      if (filter.has("view")) { filter = new URLSearchParams(); update(); }
      const target = location.hash && document.getElementById(location.hash.slice(1));
      if (target instanceof HTMLDetailsElement) { target.open = true; target.scrollIntoView(); target.querySelector("summary").focus({ preventScroll: true }); }
    }
  };
  addEventListener("hashchange", follow);
  $("browser").hidden = false;
  update();
  // A browser takes the focus to where the address leads, and only then can it be moved on.
  if (location.hash) { follow(); addEventListener("load", () => setTimeout(follow)); }
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
})();
