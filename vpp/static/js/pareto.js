// Plans of a day over their cost: carbon, and how much of its own generation the park uses. Numbers are those of the table.
{
  const { axis, colour, mount, options, plain, upright } = window.powerChart;
  const words = JSON.parse(document.getElementById("pareto-words").textContent);
  const charts = JSON.parse(document.getElementById("pareto-points").textContent);
  const scale = { carbon: 1, self_consumption: 100 };
  for (const holder of document.querySelectorAll("[data-axis]")) {
    const name = holder.dataset.axis;
    const points = (rows) => rows.map(([number, cost, amount]) => ({ value: [cost, amount * scale[name]], number }));
    const say = (one) => `${words.plan} ${one.data.number}\n${words.cost_axis}: ${plain(words, 2)(one.value[0])}\n${words[name]}: ${plain(words, 1)(one.value[1])}`;
    const label = { show: true, position: "top", color: colour("--ink"), formatter: (one) => one.data.number };
    mount(holder, () =>
      options(words, {
        grid: { left: 104, right: 40, outerBoundsMode: "none", top: 56, bottom: 48 },
        tooltip: { trigger: "item", renderMode: "richText", backgroundColor: colour("--card"), borderColor: colour("--line"), textStyle: { color: colour("--ink") }, formatter: say },
        xAxis: { type: "value", scale: true, name: words.cost_axis, nameLocation: "middle", nameGap: 28, nameTextStyle: { color: colour("--soft") }, ...axis() },
        yAxis: { ...upright(0, words[name]), scale: true },
        series: [
          { name: words.path, type: "line", symbolSize: 11, label, data: points(charts[name].path), color: colour("--plan") },
          { name: words.others, type: "line", lineStyle: { opacity: 0 }, symbolSize: 8, label, data: points(charts[name].others), color: colour("--soft") },
        ],
      }),
    )();
  }
}
