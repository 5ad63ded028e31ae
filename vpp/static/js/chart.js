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
      legend: { type: "scroll", textStyle: { color: colour("--ink") }, pageTextStyle: { color: colour("--ink") }, inactiveColor: colour("--soft"), top: 0 },
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
      holder.dataset.points = chart.getOption().series.reduce((sum, one) => sum + one.data.filter((row) => (row.value ?? row)[1] !== null).length, 0);
    }
    addEventListener("resize", () => chart?.resize());
    document.addEventListener("theme-changed", () => chart && repaint());
    return repaint;
  }

  // Panels above each other on one time axis, by their shares of the holder's height; the lowest one shows the times.
  function panels(holder, shares) {
    const [top, bottom, gap] = [56, 30, 36];
    const whole = shares.reduce((sum, share) => sum + share, 0);
    const height = holder.clientHeight - top - bottom - gap * (shares.length - 1);
    let from = top;
    const grid = shares.map((share) => {
      const one = { left: 104, right: 20, outerBoundsMode: "none", top: from, height: (height * share) / whole };
      from += one.height + gap;
      return one;
    });
    const last = shares.length - 1;
    const xAxis = shares.map((_, k) => ({ type: "time", gridIndex: k, ...axis(), ...(k < last ? { axisLabel: { show: false } } : {}) }));
    return { grid, xAxis, dataZoom: [{ type: "inside", xAxisIndex: shares.map((_, k) => k) }] };
  }

  // A value axis of panel `k`; `format` says its numbers.
  const upright = (k, name, format) => ({
    type: "value",
    gridIndex: k,
    name,
    nameTextStyle: { align: "left" },
    splitNumber: k ? 3 : 5,
    ...(format ? { minInterval: 1 } : {}),
    ...axis(),
    axisLabel: { color: colour("--soft"), ...(format ? { formatter: format } : {}) },
  });

  const plain = (words, places) => (value) => (value === null || value === undefined ? words.missing : value.toLocaleString("en", { minimumFractionDigits: places, maximumFractionDigits: places }));

  return { axis, colour, mount, options, panels, plain, power, step, time, upright };
})();
