// Plotly figures from plain series: one place for the look of every chart.
"use strict";

const Charts = (() => {
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const palette = () => ["--blue", "--orange", "--teal", "--violet", "--red", "--grey"].map(css);
  const small = () => window.innerWidth < 600;

  const titled = (axis) => (axis.title ? { ...axis, title: { ...axis.title, font: { size: 12, color: css("--soft") }, standoff: 6 } } : axis);

  function layout(extra = {}) {
    const axis = { gridcolor: css("--grid"), linecolor: css("--line"), zeroline: false, tickfont: { size: 11.5, color: css("--soft") }, automargin: true, fixedrange: true };
    const { xaxis = {}, yaxis = {}, ...rest } = extra;
    return {
      font: { family: "system-ui, Segoe UI, Roboto, sans-serif", color: css("--ink"), size: 12.5 },
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", colorway: palette(),
      margin: { l: 8, r: 8, t: 6, b: 8 }, hovermode: "x unified", dragmode: false,
      hoverlabel: { bgcolor: css("--card"), bordercolor: css("--line"), font: { color: css("--ink") } },
      legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, font: { size: 12 } },
      xaxis: { ...axis, ...titled(xaxis) }, yaxis: { ...axis, rangemode: "tozero", ...titled(yaxis) }, ...rest,
    };
  }

  const day = { type: "date", tickformat: "%b %d", nticks: 7, hoverformat: "%a %Y-%m-%d" };

  function draw(element, traces, extra) {
    Plotly.react(element, traces, layout(extra), { displayModeBar: false, responsive: true });
  }

  /** Lines over days: series is [{name, x, y, low?, high?}]; shares are shown in percent. */
  function lines(element, series, { percent = false, xaxis = day, yaxis = {}, ...extra } = {}) {
    const colors = palette(), traces = [];
    series.forEach((s, i) => {
      const color = s.color ?? colors[i % colors.length];
      if (s.low) {
        traces.push({ x: s.x, y: s.high, mode: "lines", line: { width: 0 }, hoverinfo: "skip", showlegend: false });
        traces.push({ x: s.x, y: s.low, mode: "lines", line: { width: 0 }, fill: "tonexty", fillcolor: color + "2b", hoverinfo: "skip", showlegend: false });
      }
      traces.push({
        x: s.x, y: s.y, name: s.name, mode: s.x.length < 45 ? "lines+markers" : "lines", customdata: s.n, connectgaps: s.connect ?? false,
        line: { color, width: 2.2, shape: s.step ? "hv" : "linear", dash: s.dash }, marker: { size: 5, color },
        hovertemplate: (percent ? "%{y:.2%}" : "%{y:,.4~g}") + (s.n ? "  (n = %{customdata:,})" : "") + "<extra>" + s.name + "</extra>",
      });
    });
    draw(element, traces, { xaxis, yaxis: { tickformat: percent ? "~%" : undefined, ...yaxis }, showlegend: series.length > 1, ...extra });
  }

  /** Stacked or grouped columns: series is [{name, x, y, color}]. */
  function columns(element, series, { xaxis = day, yaxis = {}, barmode = "stack", hover = "%{y:,.0f}", ...extra } = {}) {
    const traces = series.map((s) => ({ type: "bar", x: s.x, y: s.y, name: s.name, marker: { color: s.color }, hovertemplate: hover + `<extra>${s.name}</extra>` }));
    draw(element, traces, { xaxis, yaxis, barmode, bargap: 0.25, showlegend: series.length > 1, ...extra });
  }

  /** Horizontal bars of shares with their intervals: items is [{name, value, low, high, n}]. */
  function shares(element, items) {
    const sorted = [...items].sort((a, b) => a.value - b.value);
    draw(element, [{
      type: "bar", orientation: "h", y: sorted.map((s) => s.name), x: sorted.map((s) => s.value), customdata: sorted.map((s) => [s.n, s.low, s.high]),
      marker: { color: css("--blue") }, width: sorted.map(() => 0.62),
      error_x: { type: "data", symmetric: false, array: sorted.map((s) => s.high - s.value), arrayminus: sorted.map((s) => s.value - s.low), color: css("--soft"), thickness: 1.3, width: 4 },
      hovertemplate: "%{x:.2%} (%{customdata[1]:.2%} to %{customdata[2]:.2%}, n = %{customdata[0]:,})<extra></extra>",
    }], { hovermode: "closest", xaxis: { tickformat: "~%", rangemode: "tozero" }, yaxis: { rangemode: "normal" }, showlegend: false });
  }

  /** A grid of values: z[row][column] with null where there is nothing. */
  function heat(element, x, y, z, text) {
    draw(element, [{
      type: "heatmap", x, y, z, text, xgap: 2, ygap: 2, hovertemplate: "%{y}, %{x}:00 — %{text}<extra></extra>",
      colorscale: [[0, css("--grid")], [0.5, css("--orange")], [1, css("--red")]], colorbar: { tickformat: ".0%", thickness: 10, outlinewidth: 0, tickfont: { size: 11 } },
    }], { hovermode: "closest", xaxis: { nticks: 12 }, yaxis: { autorange: "reversed", rangemode: "normal" } });
  }

  /** Points within a photo, x and y as shares of its width and height, top left first. */
  function places(element, x, y) {
    draw(element, [
      { type: "histogram2dcontour", x, y, ncontours: 14, showscale: false, contours: { coloring: "fill" }, line: { width: 0 }, hoverinfo: "skip", colorscale: [[0, css("--card")], [1, css("--orange")]] },
      { type: "scatter", mode: "markers", x, y, marker: { size: 4, color: css("--red"), opacity: 0.45 }, hovertemplate: "%{x:.0%} across, %{y:.0%} down<extra></extra>" },
    ], { hovermode: "closest", showlegend: false, xaxis: { range: [0, 1], tickformat: ".0%", nticks: 6 }, yaxis: { range: [1, 0], rangemode: "normal", tickformat: ".0%" } });
  }

  /** Metrics as points with whiskers: series is [{name, items: [{name, value, low, high, n}]}]. */
  function whiskers(element, series) {
    const traces = series.map((s, i) => ({
      type: "bar", name: s.name, x: s.items.map((m) => m.name), y: s.items.map((m) => m.value), customdata: s.items.map((m) => [m.low, m.high, m.n]),
      marker: { color: palette()[i % 6] }, error_y: { type: "data", symmetric: false, array: s.items.map((m) => m.high - m.value), arrayminus: s.items.map((m) => m.value - m.low), color: css("--ink"), thickness: 1.2, width: 4 },
      hovertemplate: "%{y:.3f} (%{customdata[0]:.3f} to %{customdata[1]:.3f}, n = %{customdata[2]:,})<extra>" + s.name + "</extra>",
    }));
    draw(element, traces, { barmode: "group", xaxis: { type: "category" }, yaxis: { range: [0, 1.05] } });
  }

  return { css, palette, small, lines, columns, shares, heat, places, whiskers };
})();
