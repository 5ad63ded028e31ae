// A forecast of a day: band, expected, persistence and what was measured; below it how far power can be moved, up above zero, down below.
{
  const { colour, mount, options, panels, power, step, time, upright } = window.powerChart;
  const words = JSON.parse(document.getElementById("forecast-words").textContent);
  const said = JSON.parse(document.getElementById("forecast-curves").textContent);
  const fan = document.getElementById("fan-chart");
  const kw = { tooltip: { valueFormatter: (value) => power(words, value, 1) } };
  const width = said.p90_kw.map((high, k) => (high === null || said.p10_kw[k] === null ? null : high - said.p10_kw[k]));
  const inside = time(said.edges[0]) <= time(said.now) && time(said.now) <= time(said.edges.at(-1));
  mount(fan, () => {
    const moved = said.moved.map(([from, to]) => [{ xAxis: time(from) }, { xAxis: time(to) }]);
    return options(words, {
      ...panels(fan, [1]),
      yAxis: upright(0, words.power_axis, (value) => power(words, value, 0)),
      series: [
        step(words.p10, said.edges, said.p10_kw, { ...kw, color: colour("--plan"), lineStyle: { width: 1, opacity: 0.6 }, stack: "band", stackStrategy: "all" }),
        // The band is stacked on P10: it has a width, which is no power of its own, so it says nothing.
        step(words.band, said.edges, width, { color: colour("--window"), lineStyle: { opacity: 0 }, areaStyle: { color: colour("--window"), opacity: 1 }, stack: "band", stackStrategy: "all", tooltip: { show: false, valueFormatter: () => "" } }),
        step(words.p90, said.edges, said.p90_kw, { ...kw, color: colour("--plan"), lineStyle: { width: 1, opacity: 0.6 } }),
        step(words.p50, said.edges, said.p50_kw, { ...kw, color: colour("--series-3"), lineStyle: { width: 1, type: "dotted" } }),
        step(words.mean, said.edges, said.mean_kw, { ...kw, color: colour("--plan") }),
        step(words.persistence, said.edges, said.persistence_kw, { ...kw, color: colour("--baseline"), lineStyle: { type: "dashed" } }),
        step(words.actual, said.edges, said.actual_kw, {
          ...kw,
          color: colour("--actual"),
          markArea: { silent: true, itemStyle: { color: colour("--line"), opacity: 0.5 }, data: moved },
          markLine: { silent: true, symbol: "none", data: inside ? [{ xAxis: time(said.now) }] : [], label: { formatter: words.now, color: colour("--ink") }, lineStyle: { color: colour("--bad") } },
        }),
      ],
    });
  })();

  const room = document.getElementById("room-chart");
  if (room) {
    const change = (places) => (value) => {
      if (value === null || value === undefined) return words.missing;
      if (Math.abs(value) < 0.05) return "0";
      return `${value > 0 ? words.up : words.down} ${Math.abs(value).toLocaleString("en", { minimumFractionDigits: places, maximumFractionDigits: places })}`;
    };
    const looks = { firm: ["--plan", "solid"], expected: ["--series-3", "dashed"], optimistic: ["--series-2", "dotted"] };
    mount(room, () =>
      options(words, {
        aria: { enabled: true, label: { description: words.room } },
        ...panels(room, [1]),
        yAxis: upright(0, words.room_axis, change(0)),
        series: Object.entries(looks).flatMap(([level, [tone, type]]) => {
          const look = { color: colour(tone), lineStyle: { type }, tooltip: { valueFormatter: change(1) } };
          const down = said[`down_${level}_kw`].map((value) => (value === null ? null : -value));
          return [step(words[level], said.edges, said[`up_${level}_kw`], look), step(words[level], said.edges, down, look)];
        }),
      }),
    )();
  }
}
