// The day's picture: plan, actual and baseline on one axis, price below, instruction windows shaded.
// All texts come translated from the server; a missing value stays a gap.
const holder = document.getElementById("day-chart");
const words = JSON.parse(document.getElementById("day-words").textContent);
const locale = document.documentElement.lang.startsWith("zh") ? "ZH" : "EN";
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
let chart = null;
let etag = "";
let latest = null;

function line(name, starts, values, extra) {
  return { name, type: "line", step: "end", showSymbol: false, connectNulls: false, data: starts.map((at, k) => [at, values[k]]), ...extra };
}

function draw(day) {
  latest = day;
  chart?.dispose();
  chart = window.echarts.init(holder, null, { locale });
  const windows = day.instructions.map((w) => [{ xAxis: w.starts_at, name: w.label }, { xAxis: w.ends_at }]);
  const axis = { axisLine: { lineStyle: { color: colour("--soft") } }, splitLine: { lineStyle: { color: colour("--line") } } };
  const price = { xAxisIndex: 1, yAxisIndex: 1 };
  chart.setOption({
    animation: false,
    textStyle: { color: colour("--ink") },
    aria: { enabled: true, label: { description: words.description } },
    legend: { textStyle: { color: colour("--ink") }, top: 0 },
    tooltip: {
      trigger: "axis", renderMode: "richText",
      valueFormatter: (value) => (value === null || value === undefined ? words.missing : value.toFixed(1)),
    },
    axisPointer: { link: [{ xAxisIndex: "all" }] },
    dataZoom: [{ type: "inside", xAxisIndex: [0, 1] }],
    grid: [{ left: 70, right: 20, top: 34, height: "52%" }, { left: 70, right: 20, top: "72%", height: "18%" }],
    xAxis: [{ type: "time", gridIndex: 0, axisLabel: { show: false }, ...axis }, { type: "time", gridIndex: 1, ...axis }],
    yAxis: [
      { type: "value", gridIndex: 0, name: words.power_axis, nameTextStyle: { align: "left" }, ...axis },
      { type: "value", gridIndex: 1, name: words.price_axis, nameTextStyle: { align: "left" }, splitNumber: 2, ...axis },
    ],
    series: [
      line(words.baseline, day.starts, day.baseline_kw, { lineStyle: { type: "dashed" }, color: colour("--baseline") }),
      line(words.plan, day.starts, day.plan_kw, { color: colour("--plan") }),
      line(words.actual, day.starts, day.actual_kw, {
        color: colour("--actual"),
        markArea: { silent: true, itemStyle: { color: colour("--window") }, label: { color: colour("--ink") }, data: windows },
        markLine: { silent: true, symbol: "none", data: [{ xAxis: day.now }], label: { formatter: words.now, color: colour("--ink") }, lineStyle: { color: colour("--bad") } },
      }),
      line(words.day_ahead, day.starts, day.day_ahead_cny_per_mwh, { ...price, color: colour("--price") }),
      line(words.real_time, day.starts, day.real_time_cny_per_mwh, { ...price, lineStyle: { type: "dotted" }, color: colour("--soft") }),
    ],
  });
}

async function refresh() {
  if (document.hidden) return;
  const answer = await fetch(holder.dataset.url, { headers: etag ? { "If-None-Match": etag } : {} });
  if (answer.status !== 200) return;
  etag = answer.headers.get("ETag") ?? "";
  draw(await answer.json());
}

refresh();
setInterval(refresh, 10000);
addEventListener("resize", () => chart?.resize());
document.addEventListener("theme-changed", () => latest && draw(latest));
