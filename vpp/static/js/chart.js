// Shared by every power chart: one look, steps, gaps as gaps, local wall times, words instead of signs.
window.powerChart = (() => {
  const locale = document.documentElement.lang.startsWith("zh") ? "ZH" : "EN";
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  // The server sends local wall times; read as UTC and shown as UTC, the browser's own zone has no say.
  const time = (wall) => Date.parse(`${wall}Z`);
  const digits = (value, places) => Math.abs(value).toLocaleString("en", { minimumFractionDigits: places, maximumFractionDigits: places });

  // A start-labelled value holds until the next edge; the last one until the end of the day.
  function step(name, edges, values, extra) {
    const data = edges.map((edge, k) => [time(edge), values[Math.min(k, values.length - 1)]]);
    return { name, type: "line", step: "end", showSymbol: false, connectNulls: false, data, ...extra };
  }

  function power(words, value, places) {
    if (value === null || value === undefined) return words.missing;
    if (Math.abs(value) < 0.05) return "0";
    return `${value > 0 ? words.feeding : words.drawing} ${digits(value, places)}`;
  }

  const axis = () => ({ axisLine: { lineStyle: { color: colour("--soft") } }, axisLabel: { color: colour("--soft") }, splitLine: { lineStyle: { color: colour("--line") } } });

  function options(words, more) {
    return {
      animation: false,
      useUTC: true,
      textStyle: { color: colour("--ink") },
      aria: { enabled: true, label: { description: words.description } },
      legend: { textStyle: { color: colour("--ink") }, inactiveColor: colour("--soft"), top: 0 },
      tooltip: { trigger: "axis", renderMode: "richText", backgroundColor: colour("--card"), borderColor: colour("--line"), textStyle: { color: colour("--ink") } },
      axisPointer: { link: [{ xAxisIndex: "all" }] },
      ...more,
    };
  }

  function mount(holder, draw) {
    let chart = null;
    function repaint() {
      chart?.dispose();
      chart = window.echarts.init(holder, null, { locale });
      chart.setOption(draw());
      holder.dataset.points = chart.getOption().series.reduce((sum, one) => sum + one.data.filter((row) => row[1] !== null).length, 0);
    }
    addEventListener("resize", () => chart?.resize());
    document.addEventListener("theme-changed", () => chart && repaint());
    return repaint;
  }

  return { axis, colour, mount, options, power, step, time };
})();
