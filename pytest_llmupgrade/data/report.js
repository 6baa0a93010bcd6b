"use strict";
// Everything that a model wrote reaches the page through textContent alone.
const data = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const ROW = 34;
const MOST_WORDS = 1500; // beyond it a word diff is not computed: it is quadratic
const el = (name, text, cls) => {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  if (cls) node.className = cls;
  return node;
};
// Control characters, direction overrides and whatever else is not seen are shown, not obeyed. The two joiners stay:
// Persian words and emoji are made with them.
const HIDDEN = /(?![\n\t\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu;
const escaped = (code) => (code > 0xffff ? `\\u{${code.toString(16)}}` : "\\u" + code.toString(16).padStart(4, "0"));
const shown = (text) => String(text).replace(HIDDEN, (c) => escaped(c.codePointAt(0)));
const percent = (share) => (share === null || share === undefined ? "–" : (100 * share).toFixed(1) + "\u00a0%");
const models = data.models.map((model) => model.name);
const incumbent = models.length > 1 ? data.incumbent || models[0] : null;

const byCase = new Map();
for (const record of data.cases) {
  if (!byCase.has(record.id)) byCase.set(record.id, { id: record.id, category: record.category || "general", records: Object.create(null) });
  byCase.get(record.id).records[record.column] = record;
}
const cases = [...byCase.values()];
const short = (id) => shown(id).split("::").pop();
const outcome = (one, model) => (one.records[model] ? one.records[model].outcome : "none");

function head() {
  const others = models.filter((name) => name !== incumbent);
  $("title").textContent = incumbent ? `LLM upgrade: ${shown(incumbent)} to ${others.map(shown).join(", ")}` : `LLM evals: ${models.map(shown).join(", ")}`;
  document.title = $("title").textContent;
  $("created").textContent = `${data.created} · ${cases.length} ${cases.length === 1 ? "case" : "cases"} · ${data.exit_reason}`;
  for (const verdict of data.verdict_lines) {
    const box = el("div", undefined, "verdict " + verdict.kind);
    box.append(el("strong", verdict.text));
    if (verdict.details.length) {
      const list = el("ul");
      for (const line of verdict.details) list.append(el("li", line, line.startsWith("next: ") ? "next" : ""));
      box.append(list);
    }
    $("verdicts").append(box);
  }
}

function table() {
  const rows = [
    ["", (m) => shown(m.name) + (m.name === incumbent ? " (incumbent)" : "")],
    ["accuracy", (m) => percent(m.accuracy)],
    ["95 % interval", (m) => (m.accuracy_interval ? m.accuracy_interval.map((x) => (100 * x).toFixed(1)).join(" – ") : "–")],
    ["  by traffic", (m) => (m.weighted_accuracy === null ? "" : percent(m.weighted_accuracy))],
    ["passed / missed", (m) => `${m.passed} / ${m.missed}`],
    ["errored / skipped", (m) => `${m.errored} / ${m.skipped}`],
    ["planned", (m) => String(m.planned)],
    ["tokens in / out", (m) => `${m.tokens.input.toLocaleString("en")} / ${m.tokens.output.toLocaleString("en")}`],
    ["cost", (m) => (m.completed ? money(m.cost_usd) : "–")],
    ["  per 1,000 calls", (m) => (Number(m.cost_per_1000_usd) ? money(m.cost_per_1000_usd) : "")],
    ["  per passed case", (m) => (Number(m.cost_per_passed_usd) ? money(m.cost_per_passed_usd) : "")],
    ["  per month, at your traffic", (m) => (m.monthly_cost_usd === null ? "" : money(m.monthly_cost_usd))],
    ["  judging, beside", (m) => (m.judge_cost_usd === null ? "" : money(m.judge_cost_usd))],
    ["latency p50 / p95", (m) => (m.latency_ms.p50 === null ? "" : `${Math.round(m.latency_ms.p50)} / ${Math.round(m.latency_ms.p95)} ms`)],
  ];
  fill($("models"), rows, data.models);
}

function money(usd) {
  const amount = Number(usd);
  if (usd === null || !amount) return usd === null ? "unpriced" : "$0";
  const digits = amount >= 1 ? { minimumFractionDigits: 2, maximumFractionDigits: 2 } : { minimumSignificantDigits: 2, maximumSignificantDigits: 2 };
  return "$" + amount.toLocaleString("en", digits);
}

// Labels down, one column for each of the models or comparisons; the first row names them, an empty one is left out.
function fill(node, rows, columns) {
  for (const [label, cell] of rows) {
    const texts = columns.map(cell), kind = node.rows.length ? "td" : "th";
    if (!texts.some(Boolean)) continue;
    const row = el("tr");
    row.append(el(kind, label.trimStart(), label.startsWith(" ") ? "sub" : ""), ...texts.map((text) => el(kind, text || "–")));
    node.append(row);
  }
}

const signed = (share) => `${share < 0 ? "−" : "+"}${Math.abs(100 * share).toFixed(1)} pp`;
const ratio = (of) => (of ? `× ${of[0].toFixed(2)} [${of[1].toFixed(2)}, ${of[2].toFixed(2)}]` : "");

function compared() {
  const rows = [
    ["", (c) => shown(c.candidate)],
    ["broke", (c) => String(c.broke.length)],
    ["fixed", (c) => String(c.fixed.length)],
    ["paired", (c) => String(c.paired)],
    ["both passed / both missed", (c) => `${c.both_passed} / ${c.both_missed}`],
    ["unpaired", (c) => (c.unpaired ? String(c.unpaired) : "")],
    ["accuracy", (c) => (c.interval ? `${signed(c.difference)} [${c.interval.map(signed).join(", ")}]` : "")],
    ["margin", (c) => `${(100 * c.margin).toFixed(1)} pp`],
    ["cost", (c) => ratio(c.cost_ratio)],
    ["tokens in", (c) => ratio(c.token_ratio.input)],
    ["tokens out", (c) => ratio(c.token_ratio.output)],
    ["latency", (c) => ratio(c.latency_ratio)],
  ];
  fill($("compared"), rows, data.comparisons);
  $("against-title").textContent = `Against ${shown(incumbent)}, case by case`;
  $("against").hidden = false;
}

function groups() {
  const rows = [["by category", (m) => shown(m.name)]];
  for (const key of ["by_category", "by_difficulty"]) {
    const names = [...new Set(data.models.flatMap((m) => Object.keys(m[key])))].sort();
    if (names.length < 2) continue;
    if (key === "by_difficulty") rows.push(["by difficulty", () => " "]);
    for (const name of names) rows.push([`  ${shown(name)}`, (m) => (Object.hasOwn(m[key], name) && m[key][name].judged ? `${m[key][name].passed}/${m[key][name].judged} ${percent(m[key][name].passed / m[key][name].judged)}` : "–")]);
  }
  if (rows.length > 1 && rows[1][0] === "by difficulty") rows.splice(0, 2, ["by difficulty", (m) => shown(m.name)]);
  fill($("grouped"), rows, data.models);
  $("groups").hidden = rows.length < 2;
}

function notes() {
  const adapted = data.models.flatMap((model) => model.adapted.map((words) => `${model.name}: ${words}`));
  const failed = Object.entries(data.errors).map(([message, count]) => `${count} ${count === 1 ? "error" : "errors"}: ${message}`);
  const again = data.rerun ? [`run again: ${data.rerun}; of each item the first answer that was judged counts`] : [];
  const lines = [...failed, ...again, ...data.calls.notices, ...adapted];
  for (const line of lines) $("note-list").append(el("li", shown(line)));
  $("notes").hidden = !lines.length;
}

function svg(name, attributes, text) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

// Models differ by a few points, so the picture shows the stretch that their intervals cover, and names its ends.
function stretch(points) {
  const low = Math.min(...points.map((point) => point.low)), high = Math.max(...points.map((point) => point.high));
  const step = [0.01, 0.02, 0.05, 0.1, 0.25].find((size) => (high - low) / size <= 5) || 0.25;
  const first = Math.max(0, Math.floor(low / step + 1e-9)), last = Math.min(Math.round(1 / step), Math.ceil(high / step - 1e-9));
  return Array.from({ length: Math.max(last, first + 1) - first + 1 }, (_, i) => (first + i) * step);
}

function picture() {
  const points = data.models.filter((m) => m.accuracy !== null).map((m) => ({
    name: shown(m.name), y: m.accuracy, low: m.accuracy_interval[0], high: m.accuracy_interval[1], incumbent: m.name === incumbent,
    x: m.cost_per_1000_usd === null ? null : Number(m.cost_per_1000_usd),
  }));
  const priced = points.some((point) => point.x !== null && point.x > 0);
  const most = Math.max(...points.map((point) => point.x || 0), 0) || 1;
  const [w, h, left, bottom] = [420, 240, 44, 34];
  const X = (point, i) => left + (w - left - 20) * (priced && point.x !== null ? point.x / (most * 1.15) : (i + 0.5) / points.length);
  const ticks = points.length ? stretch(points) : [0, 1];
  const [low, high] = [ticks[0], ticks[ticks.length - 1]];
  const Y = (share) => 10 + (h - bottom - 10) * ((high - share) / (high - low));
  const root = svg("svg", { viewBox: `0 0 ${w} ${h}`, role: "img", "aria-label": "Accuracy of each model against its cost, with 95 % intervals" });
  for (const tick of ticks) {
    root.append(svg("line", { x1: left, x2: w, y1: Y(tick), y2: Y(tick), class: "axis" }));
    root.append(svg("text", { x: left - 6, y: Y(tick) + 4, "text-anchor": "end" }, `${Math.round(100 * tick)} %`));
  }
  const unpriced = points.some((point) => point.x === null);
  if (priced) {
    for (const [at, anchor] of [[0, "start"], [0.5, "middle"], [1, "end"]]) {
      const x = left + (w - left - 20) * at;
      root.append(svg("text", { x, y: h - bottom + 14, "text-anchor": anchor }, money(most * 1.15 * at)));
    }
  }
  const axis = priced ? "cost per 1,000 calls" : unpriced ? "cost unknown: side by side" : "free of charge: side by side";
  root.append(svg("text", { x: (w + left) / 2, y: h - 6, "text-anchor": "middle" }, axis));
  points.forEach((point, i) => {
    const x = X(point, i);
    root.append(svg("line", { x1: x, x2: x, y1: Y(point.low), y2: Y(point.high), class: "bar" }));
    for (const end of [point.low, point.high]) root.append(svg("line", { x1: x - 5, x2: x + 5, y1: Y(end), y2: Y(end), class: "bar" }));
    root.append(svg("circle", { cx: x, cy: Y(point.y), r: 5, class: point.incumbent ? "incumbent" : "point" }));
    const end = x > w * 0.6;
    const name = point.name.length > 26 ? point.name.slice(0, 25) + "…" : point.name;
    root.append(svg("text", { x: end ? x - 9 : x + 9, y: Y(point.y) + (i % 2 ? -8 : 14), "text-anchor": end ? "end" : "start", class: "name" }, name));
  });
  $("picture").append(root);
}

function prompts() {
  for (const prompt of data.prompt_grids) {
    const box = el("section", undefined, "card"), table = el("table");
    box.append(el("h2", `Prompt ${shown(prompt.name)}: accuracy by model and version`), table);
    for (const [index, cells] of prompt.grid.entries()) {
      const row = el("tr");
      for (const cell of cells) row.append(el(index ? "td" : "th", shown(cell)));
      table.append(row);
    }
    let list;
    for (const [text, kind] of prompt.lines) {
      if (kind === "title") box.append(el("h3", shown(text)), (list = el("ul")));
      else list.append(el("li", shown(text), kind));
    }
    $("prompts").append(box);
  }
}

function causes() {
  const groups = incumbent ? data.comparisons.flatMap((c) => c.causes.map((g) => ({ ...g, model: c.candidate }))) : data.models.flatMap((m) => m.causes.map((g) => ({ ...g, model: m.name })));
  for (const group of groups) {
    const line = el("li", `${group.count} × ${group.words}`);
    line.append(el("em", `${models.length > 2 ? ` (${shown(group.model)})` : ""} — ${group.repair}: `));
    for (const id of group.examples) line.append(example(id), " ");
    $("cause-list").append(line);
  }
  if (!incumbent) $("causes").querySelector("h2").textContent = "Why it missed";
  $("causes").hidden = !groups.length;
}

// Opens both answers, whatever the filters show.
function example(id) {
  const button = el("button", short(id), "example");
  button.type = "button";
  button.addEventListener("click", () => side(cases.find((one) => one.id === id)));
  return button;
}

// --- the grid: only the rows in sight are in the page ---------------------------------------------

let visible = [];
let current = 0;

function flip(one, candidate) {
  const before = outcome(one, incumbent), after = outcome(one, candidate);
  if (before === "passed" && after === "missed") return "broke";
  return before === "missed" && after === "passed" ? "fixed" : "";
}

function matches(one) {
  const show = $("show").value, candidate = $("candidate").value, category = $("category").value;
  if (category && one.category !== category) return false;
  const over = candidate ? [candidate] : models.filter((name) => name !== incumbent);
  const flips = incumbent ? over.map((name) => flip(one, name)) : [];
  if (show === "flips" && !flips.some(Boolean)) return false;
  if ((show === "broke" || show === "fixed") && !flips.includes(show)) return false;
  if ((show === "missed" || show === "errored") && !(candidate ? over : models).some((name) => outcome(one, name) === show)) return false;
  const wanted = $("search").value.trim().toLowerCase();
  if (!wanted) return true;
  if (one.text === undefined) {
    one.text = [one.id, ...Object.values(one.records).flatMap((r) => [r.answer || "", ...r.judges.map((j) => j.reason)])].join("\n").toLowerCase();
  }
  return one.text.includes(wanted);
}

function filter() {
  visible = cases.filter(matches);
  current = 0;
  $("count").textContent = `${visible.length} of ${cases.length} cases`;
  $("rows").style.height = `${visible.length * ROW}px`;
  $("grid").scrollTop = 0;
  draw();
}

function draw() {
  const first = Math.max(0, Math.floor($("grid").scrollTop / ROW) - 10);
  const last = Math.min(visible.length, first + Math.ceil($("grid").clientHeight / ROW) + 20);
  const rows = [];
  for (let at = first; at < last; at += 1) {
    const one = visible[at];
    const row = el("div", undefined, "row" + (at === current ? " current" : ""));
    row.style.top = `${at * ROW}px`;
    row.dataset.at = at;
    row.setAttribute("role", "row");
    row.append(el("span", short(one.id)), el("span", shown(one.category), "none"));
    for (const name of models) row.append(cell(one, name));
    rows.push(row);
  }
  $("rows").replaceChildren(...rows);
}

function cell(one, name) {
  const word = outcome(one, name), node = el("span", undefined, word);
  node.append(el("i", word === "none" ? "–" : word));
  const turned = incumbent && name !== incumbent ? flip(one, name) : "";
  if (turned) node.append(" ", el("strong", turned));
  return node;
}

function move(step) {
  current = Math.max(0, Math.min(visible.length - 1, current + step));
  const top = current * ROW, grid = $("grid");
  if (top < grid.scrollTop) grid.scrollTop = top;
  if (top + ROW > grid.scrollTop + grid.clientHeight) grid.scrollTop = top + ROW - grid.clientHeight;
  draw();
}

// --- one case: answers side by side ----------------------------------------------------------------

function diff(before, after) {
  const a = before.match(/\s+|[^\s]+/g) || [], b = after.match(/\s+|[^\s]+/g) || [];
  if (a.length > MOST_WORDS || b.length > MOST_WORDS) return null;
  const table = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i -= 1) for (let j = b.length - 1; j >= 0; j -= 1) table[i][j] = a[i] === b[j] ? table[i + 1][j + 1] + 1 : Math.max(table[i + 1][j], table[i][j + 1]);
  const left = [], right = [];
  let i = 0, j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) { left.push(["", a[i]]); right.push(["", b[j]]); i += 1; j += 1; }
    else if (j >= b.length || (i < a.length && table[i + 1][j] >= table[i][j + 1])) { left.push(["del", a[i]]); i += 1; }
    else { right.push(["ins", b[j]]); j += 1; }
  }
  return [left, right];
}

function said(record) {
  const calls = (record.tool_calls || []).map((call) => `${call.name}(${call.arguments})`).join("\n");
  return shown([record.answer || "", calls].filter(Boolean).join("\n")) || "(empty)";
}

function pieces(node, parts) {
  for (const [kind, text] of parts) node.append(kind ? el(kind, text) : document.createTextNode(text));
}

function open(at) {
  if (!visible[at]) return;
  current = at;
  draw();
  side(visible[at]);
}

function side(one) {
  const base = incumbent && one.records[incumbent];
  const any = Object.values(one.records)[0];
  $("detail-title").textContent = short(one.id);
  $("detail-place").textContent = `${shown(any.file)}:${any.line} · ${shown(one.category)}`;
  const sides = [];
  for (const name of models) {
    const record = one.records[name];
    if (!record) continue;
    const half = el("div", undefined, "side");
    const title = el("h3", `${shown(name)} `);
    title.append(el("span", record.outcome, record.outcome));
    const text = el("pre");
    const pair = base && record !== base && !base.error ? diff(said(base), said(record)) : null;
    if (record.error) text.textContent = shown(record.error.message);
    else if (pair) pieces(text, pair[1]);
    else if (record === base && $("candidate").value && one.records[$("candidate").value] && !one.records[$("candidate").value].error) {
      const other = diff(said(base), said(one.records[$("candidate").value]));
      if (other) pieces(text, other[0]); else text.textContent = said(record);
    } else text.textContent = said(record);
    const judges = el("ul");
    for (const judge of record.judges) judges.append(el("li", `${judge.passed ? "✓" : "✗"} ${shown(judge.name)}${judge.reason ? ": " + shown(judge.reason) : ""}`, judge.passed ? "" : "missed"));
    half.append(title, text, judges);
    sides.push(half);
  }
  $("sides").replaceChildren(...sides);
  if (!$("detail").open) $("detail").showModal();
}

function start() {
  head();
  table();
  if (incumbent && data.comparisons.length) compared();
  groups();
  picture();
  prompts();
  causes();
  notes();
  document.documentElement.style.setProperty("--models", models.length);
  $("head").append(el("span", "case"), el("span", "category"), ...models.map((name) => el("span", shown(name))));
  for (const name of [...new Set(cases.map((one) => one.category))].sort()) $("category").append(Object.assign(el("option", shown(name)), { value: name }));
  const others = models.filter((name) => name !== incumbent);
  if (others.length !== 1) $("candidate").append(Object.assign(el("option", "all"), { value: "" }));
  for (const name of others) $("candidate").append(Object.assign(el("option", shown(name)), { value: name }));
  if (!incumbent) {
    for (const value of ["flips", "broke", "fixed"]) $("show").querySelector(`[value=${value}]`).remove();
    $("show").value = "missed";
  }
  for (const id of ["show", "category", "candidate"]) $(id).addEventListener("change", filter);
  $("search").addEventListener("input", filter);
  $("grid").addEventListener("scroll", draw, { passive: true });
  window.addEventListener("resize", draw);
  $("rows").addEventListener("click", (event) => {
    const row = event.target.closest(".row");
    if (row) open(Number(row.dataset.at));
  });
  document.addEventListener("keydown", (event) => {
    const at = document.activeElement, typing = ["INPUT", "SELECT"].includes(at.tagName);
    // the page scrolls by arrows, and a button opens by Enter, as anywhere
    const here = at === $("grid") || $("detail").open;
    if (event.key === "/" && !typing) { event.preventDefault(); $("search").focus(); return; }
    if (event.key === "Escape" && typing) { document.activeElement.blur(); return; }
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { j: 1, k: -1, ...(here ? { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 } : {}) }[event.key];
    if (step) { event.preventDefault(); move(step); if ($("detail").open) open(current); }
    else if (event.key === "Enter" && !$("detail").open && at.tagName !== "BUTTON") { event.preventDefault(); open(current); }
  });
  filter();
  if (!visible.length && cases.length) { $("show").value = "all"; filter(); }
}
start();
