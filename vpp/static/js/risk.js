// Behind a bid: its curves at a few prices through the day, the curve of one period, and the cost of every scenario.
{
  const { axis, colour, mount, options, panels, plain, power, step, upright } = window.powerChart;
  const words = JSON.parse(document.getElementById("risk-words").textContent);
  const read = (name) => JSON.parse(document.getElementById(name)?.textContent ?? "null");
  const curves = read("price-curves");
  const risk = read("risk-figures");

  if (curves) {
    const kw = { tooltip: { valueFormatter: (value) => power(words, value, 1) } };
    const fan = document.getElementById("fan-chart");
    mount(fan, () =>
      options(words, {
        aria: { enabled: true, label: { description: words.fan } },
        ...panels(fan, [1]),
        yAxis: upright(0, words.power_axis, (value) => power(words, value, 0)),
        series: curves.fan.map((one, k) => step(`${one.price} ${words.price_axis}`, curves.edges, one.kw, { ...kw, color: colour(`--series-${k + 1}`) })),
      }),
    )();

    const holder = document.getElementById("curve-chart");
    const chosen = document.getElementById("curve-period");
    const repaint = mount(holder, () => {
      const steps = curves.periods[chosen.value].steps;
      // A step holds from its price on; the last one goes on to the right edge.
      const last = steps.length ? steps.at(-1)[0] : 0;
      const room = steps.length > 1 ? (last - steps[0][0]) * 0.1 : 50;
      const data = [...steps, ...(steps.length ? [[last + room, steps.at(-1)[1]]] : [])];
      return options(words, {
        aria: { enabled: true, label: { description: words.curve } },
        grid: { left: 104, right: 40, outerBoundsMode: "none", top: 40, bottom: 46 },
        tooltip: { trigger: "item", renderMode: "richText", backgroundColor: colour("--card"), borderColor: colour("--line"), textStyle: { color: colour("--ink") }, formatter: (one) => `${plain(words, 2)(one.value[0])} ${words.price_axis}\n${power(words, one.value[1], 1)} kW` },
        xAxis: { type: "value", scale: true, name: words.price_axis, nameLocation: "middle", nameGap: 26, nameTextStyle: { color: colour("--soft") }, ...axis() },
        yAxis: { ...upright(0, words.power_axis, (value) => power(words, value, 0)), scale: true, axisLine: { show: false } },
        series: [{ name: words.offered, type: "line", step: "end", symbolSize: 8, data, color: colour("--plan") }],
      });
    });
    repaint();
    chosen.addEventListener("change", repaint);
  }

  if (risk) {
    const holder = document.getElementById("risk-chart");
    const lines = Object.entries(risk.marks).filter(([, value]) => value !== null);
    mount(holder, () =>
      options(words, {
        aria: { enabled: true, label: { description: words.risk } },
        legend: { show: false },
        grid: { left: 104, right: 170, outerBoundsMode: "none", top: 34, bottom: 46 },
        xAxis: { type: "category", data: risk.bars.map((bar) => bar.name), name: words.scenarios, nameLocation: "middle", nameGap: 28, nameTextStyle: { color: colour("--soft") }, ...axis(), splitLine: { show: false } },
        yAxis: { ...upright(0, words.cost_axis), scale: true },
        series: [
          {
            name: words.cost,
            type: "line",
            symbolSize: 9,
            lineStyle: { width: 1 },
            tooltip: { valueFormatter: plain(words, 2) },
            color: colour("--plan"),
            data: risk.bars.map((bar, k) => ({ value: [k, bar.cny], itemStyle: { color: colour(bar.tail ? "--warn" : "--plan") } })),
            markLine: {
              symbol: "none",
              silent: true,
              data: lines.map(([name, value]) => ({ yAxis: value, label: { formatter: `${words[name]} ${plain(words, 0)(value)}`, color: colour("--ink"), position: name === "mean" || name === "var" ? "insideStartTop" : "end" }, lineStyle: { color: colour(name === "cvar" || name === "var" ? "--warn" : "--ink"), type: name === "weighed" ? "dotted" : "dashed" } })),
            },
          },
        ],
      }),
    )();
  }
}
