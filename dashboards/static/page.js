// The page: a choice, three pages drawn from it, and nothing else that changes.
"use strict";

(() => {
  const { about, names, tables } = JSON.parse(document.getElementById("cube").textContent);
  const $ = (id) => document.getElementById(id);
  const { element, card, figure, empty, table, badge } = Tables;
  const days = [...new Set(tables.cells.day)].sort((a, b) => a - b);
  const first = days[0] ?? 20000101, last = days.at(-1) ?? 20000101;
  const choice = { part: null, station: null, model: null, from: first, to: last };
  let shown = "today";

  const percent = (v, digits = 1) => (v === null || v === undefined ? "–" : `${(100 * v).toFixed(digits)} %`);
  const count = (v) => (v === null ? "–" : Math.round(v).toLocaleString("en-US"));
  const within = (s, digits = 1) => (s.n ? `${percent(s.low, digits)} to ${percent(s.high, digits)}, n = ${count(s.n)}` : "none judged yet");
  const money = (v) => (v === null ? "–" : `${count(v)} ${about.currency}`);
  const spread = () => { const out = []; for (let d = Data.isoDay(choice.from); d <= Data.isoDay(choice.to); d = Data.addDays(d, 1)) out.push(d); return out; };
  const ordered = (key) => names[key].map((_, i) => i).sort((a, b) => names[key][a].localeCompare(names[key][b], "en", { numeric: true }));
  const blank = (body, rows, words) => { if (!rows.length) empty(body, words); return !rows.length; };

  /** A share by day as a series, with gaps where a day has nothing. */
  function daily(name, t, taken, top, bottom, band) {
    const by = Data.sums(t, taken, "day", [top, bottom]), x = spread();
    const found = x.map((d) => { const row = by.get(Data.dayKey(d)); return row ? Data.share(row[top], row[bottom]) : { value: null, low: null, high: null, n: 0 }; });
    return { name, x, y: found.map((s) => s.value), n: found.map((s) => s.n), ...(band ? { low: found.map((s) => s.low), high: found.map((s) => s.high) } : {}) };
  }

  function byDay(t, taken, column) {
    const by = Data.sums(t, taken, "day", [column]);
    return spread().map((d) => by.get(Data.dayKey(d))?.[column] ?? 0);
  }

  function today(page) {
    const t = tables.cells, taken = Data.rows(t, choice), latest = Math.max(...taken.map((i) => t.day[i]));
    const here = taken.filter((i) => t.day[i] === latest), before = taken.filter((i) => t.day[i] < latest && Data.isoDay(t.day[i]) >= Data.addDays(Data.isoDay(latest), -7));
    const n = Data.total(t, "n", here), rejected = Data.total(t, "rejected", here), rate = Data.share(n - rejected, n);
    const nBefore = Data.total(t, "n", before), rateBefore = Data.share(nBefore - Data.total(t, "rejected", before), nBefore);
    const nDays = new Set(before.map((i) => t.day[i])).size;
    figure(page, "answers", `Answers on ${Data.isoDay(latest)}`, count(n), nDays ? `${count(nBefore / nDays)} a day in the ${nDays} days before` : "the first day");
    const worse = rateBefore.n && rate.high < rateBefore.low, better = rateBefore.n && rate.low > rateBefore.high;
    figure(page, "yield", "Yield that day", percent(rate.value), `${within(rate)}${rateBefore.n ? `; before ${percent(rateBefore.value)}` : ""}`, worse ? "bad" : better ? "good" : "");
    const l = tables.latency, bins = Data.latencyBins(l, Data.rows(l, { ...choice, from: latest, to: latest }));
    const [p50, p95, p99] = [0.5, 0.95, 0.99].map((q) => Data.quantile(bins, q, about.latency_base));
    figure(page, "latency", "Latency, 95 of 100 within", p95 === null ? "–" : `${p95.toFixed(1)} ms`, p50 === null ? "" : `median ${p50.toFixed(1)} ms, 99 of 100 within ${p99.toFixed(1)} ms`);
    const d = tables.drift, alarms = Data.rows(d, choice, ["part"]).filter((i) => d.alarm[i]), recent = alarms.filter((i) => d.day[i] >= Data.dayKey(Data.addDays(Data.isoDay(latest), -1)));
    figure(page, "drift", "Drift, last two days", recent.length ? `${recent.length} alarm${recent.length > 1 ? "s" : ""}` : tables.drift_days.day.length ? "none" : "not checked", recent.length ? [...new Set(recent.map((i) => `${d.measure[i]} at ${names.station[d.station[i]]}`))].join(", ") : `${count(alarms.length)} alarms in all these days`, recent.length ? "bad" : "");

    const stations = choice.station === null ? ordered("station") : [choice.station];
    const passed = { ...t, passed: t.n.map((v, i) => v - t.rejected[i]) };
    Charts.lines(card(page, "Yield by day", "share of photos that passed, by station"),
      stations.map((k) => daily(names.station[k], passed, taken.filter((i) => t.station[i] === k), "passed", "n")).filter((s) => s.n.some(Boolean)), { percent: true, yaxis: { rangemode: "normal" } });
    const hours = Data.sums(t, here, "hour", ["n", "rejected"]), x = [...Array(24).keys()];
    Charts.columns(card(page, "Answers by hour", `on ${Data.isoDay(latest)}, ${about.clock}`), [
      { name: "passed", x, y: x.map((h) => (hours.get(h)?.n ?? 0) - (hours.get(h)?.rejected ?? 0)), color: Charts.css("--blue") },
      { name: "flagged", x, y: x.map((h) => hours.get(h)?.rejected ?? 0), color: Charts.css("--red") }], { xaxis: { nticks: 12 } });
    const f = tables.flagged, flagged = Data.rows(f, choice);
    const list = card(page, "Last flagged", "newest first");
    if (!blank(list, flagged, "Nothing was flagged in these days.")) table(list, [
      { title: "when", cell: (i) => f.at[i] }, { title: "part", cell: (i) => names.part[f.part[i]] }, { title: "station", cell: (i) => names.station[f.station[i]] },
      { title: "photo", cell: (i) => f.photo[i] }, { title: "p", number: true, cell: (i) => f.p[i].toFixed(3) }, { title: "dents", number: true, cell: (i) => String(f.dents[i]) },
      { title: "judged", cell: (i) => (f.truth[i] === null ? "–" : f.truth[i] === "dent" ? badge("dent", "good") : badge("clean", "bad")) }], flagged);
    const by = new Map();
    for (const i of Data.rows(l, choice)) { const key = l.day[i]; if (!by.has(key)) by.set(key, []); by.get(key).push(i); }
    const levels = [["half", 0.5], ["95 of 100", 0.95], ["99 of 100", 0.99]];
    const quantiles = new Map([...by].map(([key, some]) => { const b = Data.latencyBins(l, some); return [key, levels.map(([, q]) => Data.quantile(b, q, about.latency_base))]; }));
    Charts.lines(card(page, "Latency by day", "answered within, milliseconds"), levels.map(([name], k) => ({ name, x: spread(), y: spread().map((day) => quantiles.get(Data.dayKey(day))?.[k] ?? null) })));
  }

  function quality(page) {
    const t = tables.cells, taken = Data.rows(t, choice), n = Data.total(t, "n", taken), rejected = Data.total(t, "rejected", taken);
    const b = tables.feedback, judgements = Data.rows(b, choice), rates = Data.judged(b, judgements), costs = Data.cost(about, n - rejected, rejected, rates);
    const rate = Data.share(n - rejected, n), nDays = new Set(taken.map((i) => t.day[i])).size;
    figure(page, "yield", "Yield", percent(rate.value), within(rate));
    figure(page, "escape-rate", "Escapes of what passed", percent(rates.escapeRate.value, 2), rates.escapeRate.n ? `of a drawn sample: ${within(rates.escapeRate, 2)}` : "no sample judged yet");
    figure(page, "false-reject-rate", "False of what was flagged", percent(rates.falseRejectRate.value), within(rates.falseRejectRate));
    figure(page, "cost", "Cost a day", costs ? money((costs.escapes + costs.falseRejects) / nDays) : "–", costs ? `${money(costs.escapes / nDays)} escapes, ${money(costs.falseRejects / nDays)} false rejects` : "needs judgements");

    Charts.lines(card(page, "Defect rate by day", "share of photos flagged, with its interval"), [daily("flagged", t, taken, "rejected", "n", true)], { percent: true });
    const body = card(page, "Judged wrong by day", "escapes and false rejects that operators found");
    const wrong = judgements.filter((i) => b.escapes[i] || b.false_rejects[i]);
    if (!blank(body, wrong, judgements.length ? `None of ${count(Data.total(b, "judged", judgements))} judged answers was wrong.` : "No answer was judged in these days.")) Charts.columns(body, [
      { name: "escapes", x: spread(), y: byDay(b, judgements, "escapes"), color: Charts.css("--red") },
      { name: "false rejects", x: spread(), y: byDay(b, judgements, "false_rejects"), color: Charts.css("--orange") }]);
    for (const [key, title] of [["part", "Defect rate by part"], ["station", "Defect rate by station"]]) {
      const of = Data.rows(t, choice, [key]), by = Data.sums(t, of, key, ["n", "rejected"]);
      Charts.shares(card(page, title, "with 95 % intervals"), [...by].map(([k, row]) => ({ name: names[key][k], ...Data.share(row.rejected, row.n) })));
    }
    const daysOfWeek = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"], weekday = new Map(days.map((d) => [d, (new Date(`${Data.isoDay(d)}T00:00:00Z`).getUTCDay() + 6) % 7]));
    const grid = Data.sums(t, taken, (i) => weekday.get(t.day[i]) * 24 + t.hour[i], ["n", "rejected"]), cell = (w, h) => grid.get(w * 24 + h);
    Charts.heat(card(page, "Defect rate by hour", `by weekday, ${about.clock}`), [...Array(24).keys()], daysOfWeek,
      daysOfWeek.map((_, w) => [...Array(24).keys()].map((h) => (cell(w, h) ? cell(w, h).rejected / cell(w, h).n : null))),
      daysOfWeek.map((_, w) => [...Array(24).keys()].map((h) => (cell(w, h) ? `${percent(cell(w, h).rejected / cell(w, h).n)} of ${count(cell(w, h).n)}` : ""))));
    const p = tables.defects, found = Data.rows(p, choice), map = card(page, "Where on the photo", `the last ${count(found.length)} dents found`);
    if (!blank(map, found, "No dent was found in these days.")) Charts.places(map, found.map((i) => p.x[i]), found.map((i) => p.y[i]));
  }

  function models(page) {
    const m = tables.models, t = tables.cells, wanted = m.model.map((_, i) => i).filter((i) => choice.model === null || m.model[i] === choice.model);
    const by = Data.sums(t, Data.rows(t, choice), "model", ["n", "rejected"]);
    table(card(page, "Models", "every run, and every model that answered in these days", "wide"), [
      { title: "model", cell: (i) => names.model[m.model[i]] }, { title: "", cell: (i) => (m.champion[i] ? badge("champion", "good") : "") }, { title: "kind", cell: (i) => m.kind[i] },
      { title: "trained", cell: (i) => m.trained[i] }, { title: "promoted", cell: (i) => m.promoted[i] }, { title: "threshold", number: true, cell: (i) => m.threshold[i]?.toFixed(3) },
      { title: "answers", number: true, cell: (i) => count(by.get(m.model[i])?.n ?? 0) }, { title: "flagged", number: true, cell: (i) => { const row = by.get(m.model[i]); return row ? percent(row.rejected / row.n) : null; } }], wanted);
    const q = tables.metrics, measured = Data.rows(q, choice).filter((i) => q.split[i] === "test"), body = card(page, "Metrics on the test split", "with 95 % intervals, by bootstrap over groups");
    if (!blank(body, measured, "No run has been evaluated yet: dentline train")) Charts.whiskers(body, wanted.map((k) => ({ name: names.model[m.model[k]], items: measured.filter((i) => q.model[i] === m.model[k]).map((i) => ({ name: q.metric[i].replaceAll("_", " "), value: q.value[i], low: q.low[i], high: q.high[i], n: q.n[i] })) })).filter((s) => s.items.length));
    const c = tables.curves, of = Data.rows(c, choice);
    const curve = (name, split) => wanted.map((k) => { const some = of.filter((i) => c.model[i] === m.model[k] && c.curve[i] === name && c.split[i] === split); return { name: names.model[m.model[k]], x: some.map((i) => c.x[i]), y: some.map((i) => c.y[i]) }; }).filter((s) => s.x.length);
    for (const [name, title, sub, x, y] of [["pr", "Precision over recall", "test split", "recall", "precision"], ["roc", "ROC", "test split", "false positive rate", "true positive rate"]]) {
      const place = card(page, title, sub), series = curve(name, "test");
      if (!blank(place, series, "No curve yet.")) Charts.lines(place, series, { xaxis: { type: "linear", title: { text: x }, range: [-0.01, 1.01] }, yaxis: { title: { text: y }, range: [0, 1.03] }, hovermode: "closest" });
    }
    const losses = [...curve("loss", "train").map((s) => ({ ...s, name: `${s.name} train` })), ...curve("val_loss", "validation").map((s) => ({ ...s, name: `${s.name} validation`, dash: "dot" }))];
    const place = card(page, "Loss", "by epoch");
    if (!blank(place, losses, "No history yet.")) Charts.lines(place, losses, { xaxis: { type: "linear", title: { text: "epoch" } } });
    const s = tables.scores, mass = Data.rows(s, choice), bins = [...Array(about.p_bins).keys()];
    const of_models = [...Data.sums(s, mass, "model", ["n"])].map(([k, row]) => [k, row.n, Data.sums(s, mass.filter((i) => s.model[i] === k), "bin", ["n"])]);
    Charts.lines(card(page, "Scores given", "share of answers by p, on a logarithmic scale"), of_models.map(([k, n, hist]) => ({ name: names.model[k], step: true, x: bins.map((i) => i / about.p_bins), y: bins.map((i) => (hist.get(i)?.n ?? 0) / n || null) })), { percent: true, xaxis: { type: "linear", title: { text: "p" } }, yaxis: { type: "log", rangemode: "normal" } });
    const d = tables.drift, by_day = tables.drift_days, checks = Data.rows(by_day, choice, ["part"]);
    const drift = card(page, "Drift by day", "worst station; from 1 on it alarms");
    if (!blank(drift, checks, "No checks yet: dentline drift")) {
      const worst = new Map();
      for (const i of checks) { const key = `${by_day.measure[i]}|${by_day.day[i]}`; worst.set(key, Math.max(worst.get(key) ?? 0, by_day.ratio[i])); }
      const series = [...new Set(checks.map((i) => by_day.measure[i]))].map((name) => ({ name, connect: true, x: spread(), y: spread().map((day) => worst.get(`${name}|${Data.dayKey(day)}`) ?? null) }));
      Charts.lines(drift, series, { shapes: [{ type: "line", xref: "paper", x0: 0, x1: 1, y0: 1, y1: 1, line: { color: Charts.css("--red"), width: 1, dash: "dash" } }] });
    }
    const k = tables.looks, looks = Data.rows(k, choice), here = new Set(looks.map((i) => k.station[i])), stations = ordered("station").filter((i) => here.has(i));
    Charts.lines(card(page, "Brightness by day", "mean of the photos, by station"), stations.map((station) => {
      const sum = Data.sums(k, looks.filter((i) => k.station[i] === station), "day", ["n", "brightness"]);
      return { name: names.station[station], x: spread(), y: spread().map((day) => { const row = sum.get(Data.dayKey(day)); return row ? row.brightness / row.n : null; }) };
    }), { yaxis: { rangemode: "normal" } });
    const alarms = Data.rows(d, choice, ["part"]).filter((i) => d.alarm[i]).reverse(), list = card(page, "Drift alarms", "newest first");
    if (!blank(list, alarms, "No alarm in these days.")) table(list, [
      { title: "when", cell: (i) => d.at[i] }, { title: "station", cell: (i) => names.station[d.station[i]] }, { title: "measure", cell: (i) => d.measure[i] }, { title: "over", cell: (i) => d.period[i] },
      { title: "PSI", number: true, cell: (i) => d.psi[i].toFixed(2) }, { title: "KS", number: true, cell: (i) => d.ks[i].toFixed(2) }, { title: "photos", number: true, cell: (i) => count(d.n[i]) }], alarms);
  }

  const pages = { today, quality, models };

  function draw() {
    const any = Data.rows(tables.cells, choice).length > 0;
    $("nothing").hidden = any || shown === "models";
    for (const name of Object.keys(pages)) {
      $(`page-${name}`).hidden = name !== shown || (!any && name !== "models");
      $(`page-${name}`).replaceChildren();
      $(`tab-${name}`).setAttribute("aria-selected", String(name === shown));
      $(`tab-${name}`).tabIndex = name === shown ? 0 : -1;
    }
    if (!$(`page-${shown}`).hidden) pages[shown]($(`page-${shown}`));
    const span = (Date.parse(Data.isoDay(choice.to)) - Date.parse(Data.isoDay(choice.from))) / 864e5 + 1;
    for (const button of document.querySelectorAll(".spans button")) button.setAttribute("aria-pressed", String(choice.to === last && (button.dataset.days === "" ? choice.from === first : choice.from !== first && Number(button.dataset.days) === span)));
    $("filter-from").value = Data.isoDay(choice.from);
    $("filter-to").value = Data.isoDay(choice.to);
  }

  function show(name) { shown = name; history.replaceState(null, "", `#${name}`); draw(); }

  for (const key of ["part", "station", "model"]) {
    const select = $(`filter-${key}`);
    select.append(element("option", { value: "" }, `all ${key}s`), ...ordered(key).map((i) => element("option", { value: i }, names[key][i])));
    select.addEventListener("change", () => { choice[key] = select.value === "" ? null : Number(select.value); draw(); });
  }
  for (const side of ["from", "to"]) {
    const input = $(`filter-${side}`);
    input.min = Data.isoDay(first); input.max = Data.isoDay(last);
    input.addEventListener("change", () => { if (input.value) { choice[side] = Data.dayKey(input.value); draw(); } });
  }
  for (const button of document.querySelectorAll(".spans button")) button.addEventListener("click", () => {
    choice.to = last;
    choice.from = button.dataset.days === "" ? first : Math.max(first, Data.dayKey(Data.addDays(Data.isoDay(last), 1 - Number(button.dataset.days))));
    draw();
  });
  const tabs = Object.keys(pages);
  tabs.forEach((name, i) => {
    $(`tab-${name}`).addEventListener("click", () => show(name));
    $(`tab-${name}`).addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) { const next = tabs[(i + step + tabs.length) % tabs.length]; show(next); $(`tab-${next}`).focus(); }
    });
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  if (tabs.includes(location.hash.slice(1))) shown = location.hash.slice(1);
  draw();
})();
