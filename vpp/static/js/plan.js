// A plan: the portfolio with target and shortfall, its sites on top of each other, and what energy was taken to be worth.
{
  const { colour, mount, options, panels, plain, power, step, upright } = window.powerChart;
  const words = JSON.parse(document.getElementById("plan-words").textContent);
  const plan = JSON.parse(document.getElementById("plan-curves").textContent);
  const holder = document.getElementById("plan-chart");
  const kw = { tooltip: { valueFormatter: (value) => power(words, value, 1) } };
  const lower = (k) => ({ xAxisIndex: k, yAxisIndex: k });
  const none = (say) => ({ tooltip: { valueFormatter: (value) => (value === null || value === undefined ? words.none : say(value)) } });
  const short = plan.shortfall_kw.map((value) => (value > 0.05 ? value : null));
  const wanted = plan.target_kw.some((value) => value !== null);
  // What feeds in is piled above zero, what draws below it; a site that does both has a part in each pile.
  const piled = (site, k) => {
    const parts = [["above", (value) => Math.max(value, 0)], ["below", (value) => Math.min(value, 0)]];
    const used = parts.filter(([, part]) => site.kw.some((value) => part(value ?? 0) !== 0));
    return (used.length ? used : parts.slice(1)).map(([pile, part]) =>
      step(site.name, plan.edges, site.kw.map((value) => (value === null ? null : part(value))), {
        ...kw,
        ...lower(1),
        color: colour(`--series-${k + 1}`),
        lineStyle: { width: 2 },
        areaStyle: { opacity: 0.85 },
        stack: pile,
        stackStrategy: "all",
      }),
    );
  };
  mount(holder, () => {
    const asked = wanted
      ? [
          step(words.target, plan.edges, plan.target_kw, { ...none((value) => power(words, value, 1)), color: colour("--actual"), lineStyle: { type: "dashed" } }),
          step(words.shortfall, plan.edges, short, { ...none(plain(words, 1)), color: colour("--bad"), areaStyle: { opacity: 0.35 } }),
        ]
      : [];
    return options(words, {
      ...panels(holder, [5, 4, 2]),
      yAxis: [
        upright(0, words.power_axis, (value) => power(words, value, 0)),
        upright(1, words.sites_axis, (value) => power(words, value, 0)),
        upright(2, words.price_axis),
      ],
      series: [
        step(words.plan, plan.edges, plan.planned_kw, { ...kw, color: colour("--plan") }),
        ...asked,
        ...plan.sites.flatMap(piled),
        step(words.price, plan.edges, plan.price_cny_per_mwh, { ...lower(2), tooltip: { valueFormatter: plain(words, 2) }, color: colour("--price") }),
      ],
    });
  })();
}
