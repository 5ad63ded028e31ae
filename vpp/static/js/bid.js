// A bid: the band between its lowest and highest step, what we expect, the baseline, and what was awarded.
{
  const { axis, colour, mount, options, power, step } = window.powerChart;
  const words = JSON.parse(document.getElementById("bid-words").textContent);
  const bid = JSON.parse(document.getElementById("bid-curves").textContent);
  const width = bid.highest_kw.map((high, k) => (high === null || bid.lowest_kw[k] === null ? null : high - bid.lowest_kw[k]));
  const kw = { tooltip: { valueFormatter: (value) => power(words, value, 1) } };
  mount(document.getElementById("bid-chart"), () =>
    options(words, {
      dataZoom: [{ type: "inside" }],
      grid: { left: 104, right: 20, outerBoundsMode: "none", top: 34, bottom: 30 },
      xAxis: { type: "time", ...axis() },
      yAxis: { type: "value", name: words.power_axis, nameTextStyle: { align: "left" }, ...axis(), axisLabel: { color: colour("--soft"), formatter: (value) => power(words, value, 0) } },
      series: [
        step(words.lowest, bid.edges, bid.lowest_kw, { ...kw, color: colour("--price"), lineStyle: { width: 1 }, stack: "band", stackStrategy: "all" }),
        // The band is stacked on the lowest step: it has a width, which is no power of its own, so it says nothing.
        step(words.band, bid.edges, width, { color: colour("--window"), lineStyle: { opacity: 0 }, areaStyle: { color: colour("--window"), opacity: 1 }, stack: "band", stackStrategy: "all", tooltip: { show: false, valueFormatter: () => "" } }),
        step(words.highest, bid.edges, bid.highest_kw, { ...kw, color: colour("--good"), lineStyle: { width: 1 } }),
        step(words.baseline, bid.edges, bid.baseline_kw, { ...kw, color: colour("--baseline"), lineStyle: { type: "dashed" } }),
        step(words.expected, bid.edges, bid.expected_kw, { ...kw, color: colour("--plan") }),
        step(words.awarded, bid.edges, bid.awarded_kw, { ...kw, color: colour("--actual") }),
      ],
    }),
  )();
}
