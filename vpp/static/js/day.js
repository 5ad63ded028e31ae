// The day's picture: plan, measured and baseline on one axis, prices below, instruction windows shaded.
// All texts come translated from the server.
{
  const { axis, colour, mount, options, power, step, time } = window.powerChart;
  const holder = document.getElementById("day-chart");
  const words = JSON.parse(document.getElementById("day-words").textContent);
  let day = null;
  let etag = "";

  const repaint = mount(holder, () => {
    const windows = day.instructions.map((w) => [{ xAxis: time(w.starts_at), name: w.label }, { xAxis: time(w.ends_at) }]);
    const below = { xAxisIndex: 1, yAxisIndex: 1, tooltip: { valueFormatter: (value) => value?.toFixed(2) ?? words.missing } };
    const kw = { tooltip: { valueFormatter: (value) => power(words, value, 1) } };
    const inside = time(day.edges[0]) <= time(day.now) && time(day.now) <= time(day.edges.at(-1));
    const margins = { left: 104, right: 20, outerBoundsMode: "none" };
    return options(words, {
      dataZoom: [{ type: "inside", xAxisIndex: [0, 1] }],
      grid: [{ ...margins, top: 34, height: "55%" }, { ...margins, top: "76%", height: "15%" }],
      xAxis: [{ type: "time", gridIndex: 0, ...axis(), axisLabel: { show: false } }, { type: "time", gridIndex: 1, ...axis() }],
      yAxis: [
        { type: "value", gridIndex: 0, name: words.power_axis, nameTextStyle: { align: "left" }, ...axis(), axisLabel: { color: colour("--soft"), formatter: (value) => power(words, value, 0) } },
        { type: "value", gridIndex: 1, name: words.price_axis, nameTextStyle: { align: "left" }, splitNumber: 2, ...axis() },
      ],
      series: [
        step(words.baseline, day.edges, day.baseline_kw, { ...kw, lineStyle: { type: "dashed" }, color: colour("--baseline") }),
        step(words.plan, day.edges, day.plan_kw, { ...kw, color: colour("--plan") }),
        step(words.actual, day.edges, day.actual_kw, {
          ...kw,
          color: colour("--actual"),
          markArea: { silent: true, itemStyle: { color: colour("--window") }, label: { color: colour("--ink") }, data: windows },
          markLine: { silent: true, symbol: "none", data: inside ? [{ xAxis: time(day.now) }] : [], label: { formatter: words.now, color: colour("--ink") }, lineStyle: { color: colour("--bad") } },
        }),
        step(words.day_ahead, day.edges, day.day_ahead_cny_per_mwh, { ...below, color: colour("--price") }),
        step(words.real_time, day.edges, day.real_time_cny_per_mwh, { ...below, lineStyle: { type: "dotted" }, color: colour("--soft") }),
      ],
    });
  });

  async function refresh() {
    if (document.hidden) return;
    const answer = await fetch(holder.dataset.url, { headers: etag ? { "If-None-Match": etag } : {} });
    if (answer.status !== 200) return;
    etag = answer.headers.get("ETag") ?? "";
    day = await answer.json();
    repaint();
  }

  refresh();
  setInterval(refresh, 10000);
}
