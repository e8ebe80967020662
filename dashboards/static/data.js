// The numbers behind the page: pure functions of the cube and a choice of part, station, model and days.
"use strict";

const Data = (() => {
  const isoDay = (key) => `${Math.floor(key / 10000)}-${String(Math.floor(key / 100) % 100).padStart(2, "0")}-${String(key % 100).padStart(2, "0")}`;
  const dayKey = (iso) => Number(iso.replaceAll("-", ""));
  const addDays = (iso, n) => new Date(Date.parse(`${iso}T00:00:00Z`) + n * 864e5).toISOString().slice(0, 10);

  /** Rows of a table that a choice takes, as numbers of rows. */
  function rows(table, choice, ignore = []) {
    const wanted = ["part", "station", "model"].filter((k) => choice[k] !== null && table[k] && !ignore.includes(k));
    const n = Object.values(table)[0].length, taken = [];
    for (let i = 0; i < n; i++) {
      if (table.day && !ignore.includes("day") && (table.day[i] < choice.from || table.day[i] > choice.to)) continue;
      if (wanted.every((k) => table[k][i] === choice[k])) taken.push(i);
    }
    return taken;
  }

  const total = (table, column, taken) => taken.reduce((sum, i) => sum + table[column][i], 0);

  /** Sums of columns by the values of `by`: a Map from value to {column: sum}. */
  function sums(table, taken, by, columns) {
    const found = new Map();
    for (const i of taken) {
      const key = typeof by === "function" ? by(i) : table[by][i];
      let row = found.get(key);
      if (!row) found.set(key, (row = Object.fromEntries(columns.map((c) => [c, 0]))));
      for (const c of columns) row[c] += table[c][i];
    }
    return found;
  }

  /** Share k/n with Wilson's 95 % interval (Wilson 1927). */
  function share(k, n) {
    if (!n) return { value: null, low: null, high: null, n: 0 };
    const z = 1.959964, p = k / n, middle = (p + (z * z) / (2 * n)) / (1 + (z * z) / n);
    const half = (z / (1 + (z * z) / n)) * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n));
    return { value: p, low: Math.max(0, middle - half), high: Math.min(1, middle + half), n };
  }

  /** The q-quantile of values counted in bins [base^b, base^(b+1)): the middle of the bin it falls in. */
  function quantile(bins, q, base) {
    const sorted = [...bins].sort((a, b) => a[0] - b[0]);
    const n = sorted.reduce((sum, [, count]) => sum + count, 0);
    let seen = 0;
    for (const [bin, count] of sorted) {
      seen += count;
      if (seen >= q * n) return base ** (bin + 0.5);
    }
    return null;
  }

  /** Bins of the latencies of some rows. */
  function latencyBins(table, taken) {
    return [...sums(table, taken, "bin", ["n"])].map(([bin, row]) => [bin, row.n]);
  }

  /** Judgements of some rows: escapes of the drawn sample of passed, false rejects of the judged rejected. */
  function judged(table, taken) {
    const sampled = taken.filter((i) => table.sampled[i] && !table.rejected[i]);
    const rejected = taken.filter((i) => table.rejected[i]);
    return {
      escapes: total(table, "escapes", taken), falseRejects: total(table, "false_rejects", taken),
      judged: total(table, "judged", taken),
      escapeRate: share(total(table, "escapes", sampled), total(table, "judged", sampled)),
      falseRejectRate: share(total(table, "false_rejects", rejected), total(table, "judged", rejected)),
    };
  }

  /** What escapes and false rejects cost: rates of the judged, carried over to all answers of the choice. */
  function cost(about, passed, rejected, rates) {
    if (rates.escapeRate.value === null && rates.falseRejectRate.value === null) return null;
    return {
      escapes: (rates.escapeRate.value ?? 0) * passed * about.cost_escape,
      falseRejects: (rates.falseRejectRate.value ?? 0) * rejected * about.cost_false_reject,
    };
  }

  return { isoDay, dayKey, addDays, rows, total, sums, share, quantile, latencyBins, judged, cost };
})();
