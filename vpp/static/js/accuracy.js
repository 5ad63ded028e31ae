// How good forecasts were: error and coverage of scored days, calibration of the quantiles, error by how far ahead. Numbers are the tables'.
{
  const { axis, colour, mount, options, plain, upright } = window.powerChart;
  const words = JSON.parse(document.getElementById("accuracy-words").textContent);
  const found = JSON.parse(document.getElementById("accuracy-figures").textContent);
  const say = { valueFormatter: plain(words, 1) };
  const points = (values) => values.map((value, k) => [k, value]);
  const line = (name, values, tone, extra) => ({ name, type: "line", symbolSize: 8, connectNulls: false, data: points(values), color: colour(tone), tooltip: say, ...extra });
  const margins = { left: 64, right: 20, outerBoundsMode: "none" };
  const steps = (k, names, extra) => ({ type: "category", gridIndex: k, data: names, ...axis(), splitLine: { show: false }, ...extra });
  const tones = (k) => `--series-${(k % 8) + 1}`;

  const days = document.getElementById("days-chart");
  if (days)
    mount(days, () => {
      const [low, high] = found.corridor;
      const corridor = { silent: true, itemStyle: { color: colour("--good-bg") }, label: { color: colour("--soft"), position: "insideTopLeft" }, data: [[{ yAxis: low, name: words.corridor }, { yAxis: high }]] };
      const below = { xAxisIndex: 1, yAxisIndex: 1 };
      return options(words, {
        aria: { enabled: true, label: { description: words.errors } },
        grid: [{ ...margins, top: 56, height: "36%" }, { ...margins, top: "66%", height: "24%" }],
        xAxis: [steps(0, found.days, { axisLabel: { show: false } }), steps(1, found.days)],
        yAxis: [{ ...upright(0, words.error_axis), min: 0 }, { ...upright(1, words.coverage_axis), min: 0, max: 100 }],
        series: [
          line(words.persistence, found.persistence, "--baseline", { lineStyle: { type: "dashed" } }),
          line(words.forecast, found.nmae, "--plan"),
          line(words.coverage, found.coverage, "--actual", { ...below, markArea: corridor }),
        ],
      });
    })();

  const share = document.getElementById("calibration-chart");
  if (share)
    mount(share, () =>
      options(words, {
        aria: { enabled: true, label: { description: words.calibration } },
        grid: { ...margins, top: 56, bottom: 48 },
        xAxis: { type: "value", min: 0, max: 100, name: words.named, nameLocation: "middle", nameGap: 28, nameTextStyle: { color: colour("--soft") }, ...axis() },
        yAxis: { ...upright(0, words.found), min: 0, max: 100 },
        series: [
          { name: words.ideal, type: "line", showSymbol: false, data: [[0, 0], [100, 100]], color: colour("--baseline"), lineStyle: { type: "dashed" }, tooltip: say },
          ...found.calibration.map((one, k) => ({ name: one.name, type: "line", symbolSize: 8, data: one.points, color: colour(tones(k)), tooltip: say })),
        ],
      }),
    )();

  const leads = document.getElementById("leads-chart");
  if (leads)
    mount(leads, () =>
      options(words, {
        aria: { enabled: true, label: { description: words.leads } },
        grid: { ...margins, top: 56, bottom: 30 },
        xAxis: steps(0, found.leads),
        yAxis: { ...upright(0, words.error_axis), min: 0 },
        series: found.by_lead.map((one, k) => line(one.name, one.nmae, tones(k))),
      }),
    )();
}
