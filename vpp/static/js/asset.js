// One asset in a plan: planned, forecast and measured power, what it stores, what energy was taken to be worth, and why.
{
  const { colour, mount, options, panels, plain, power, step, upright } = window.powerChart;
  const words = JSON.parse(document.getElementById("asset-words").textContent);
  const asset = JSON.parse(document.getElementById("asset-curves").textContent);
  const holder = document.getElementById("asset-chart");
  const kw = { tooltip: { valueFormatter: (value) => power(words, value, 1) } };
  const stores = asset.stored_measured_kwh !== null;
  const last = stores ? 2 : 1;
  const kwh = { xAxisIndex: 1, yAxisIndex: 1, tooltip: { valueFormatter: plain(words, 1) } };
  // What is stored is told at the end of a period: the line goes from edge to edge.
  const level = (name, values, extra) => ({ name, type: "line", showSymbol: false, connectNulls: false, data: values.map((value, k) => [window.powerChart.time(asset.edges[k + 1]), value]), ...kwh, ...extra });
  const stored = stores
    ? [
        ...(asset.stored_kwh === null ? [] : [level(words.stored, asset.stored_kwh, { color: colour("--plan") })]),
        level(words.stored_measured, asset.stored_measured_kwh, { color: colour("--actual"), lineStyle: { type: "dotted" } }),
      ]
    : [];
  // The reason of the period under the pointer, above the values of that moment.
  const say = (rows) => {
    const at = rows[0].axisValue;
    const k = asset.edges.findLastIndex((edge) => window.powerChart.time(edge) <= at);
    const values = rows.map((row) => `${row.marker}${row.seriesName}: ${row.seriesName === words.price ? plain(words, 2)(row.value[1]) : [words.stored, words.stored_measured].includes(row.seriesName) ? plain(words, 1)(row.value[1]) : power(words, row.value[1], 1)}`);
    return [`${asset.edges[Math.max(k, 0)].replace("T", " ").slice(0, 16)}`, `${words.why}: ${asset.reasons[Math.min(Math.max(k, 0), asset.reasons.length - 1)] || words.missing}`, ...values].join("\n");
  };
  mount(holder, () => {
    const base = options(words, {
      ...panels(holder, stores ? [5, 3, 2] : [5, 2]),
      yAxis: [
        upright(0, words.power_axis, (value) => power(words, value, 0)),
        ...(stores ? [upright(1, words.stored_axis)] : []),
        upright(last, words.price_axis),
      ],
      series: [
        step(words.forecast, asset.edges, asset.forecast_kw, { ...kw, color: colour("--baseline"), lineStyle: { type: "dashed" } }),
        step(words.plan, asset.edges, asset.planned_kw, { ...kw, color: colour("--plan") }),
        step(words.actual, asset.edges, asset.measured_kw, { ...kw, color: colour("--actual"), lineStyle: { type: "dotted" } }),
        ...stored,
        step(words.price, asset.edges, asset.price_cny_per_mwh, { xAxisIndex: last, yAxisIndex: last, tooltip: { valueFormatter: plain(words, 2) }, color: colour("--price") }),
      ],
    });
    return { ...base, tooltip: { ...base.tooltip, formatter: say } };
  })();
}
