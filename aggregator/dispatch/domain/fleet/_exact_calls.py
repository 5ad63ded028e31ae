"""One interruptible load in the exact model.

    start[t] >= on[t] - on[t-1];  starts in the last `pause` periods + on[t-pause] <= 1
    on[t] <= starts in the last `max_on` periods

A call's end is start[t] - on[t] + on[t-1]. While a call ramps up, its age counts: young[t][0] = start[t],
young[t][i] <= young[t-1][i-1], and what is on is young or full grown; with `on` whole, all of them are.
A call in force before period 0 has on[-1] = 1 and no start; run[t] = (on[t] and run[t-1]) says that it is still that one.
A load that may be shed in part sheds an amount of its own, at most the cap while it is on.
"""

import pulp

from aggregator.dispatch.domain._bulk import ModelBuilder, Term
from aggregator.dispatch.domain.fleet.problem import FleetProblem

Variables = list[pulp.LpVariable]
EQ, LE, GE = pulp.LpConstraintEQ, pulp.LpConstraintLE, pulp.LpConstraintGE


class ExactCall:
    """Row `i` of the problem's loads. cap_kw: what it can shed, by period.

    begin : the first period that has a variable. on : one a period from there; empty where there is nothing to call.
    terms : {period: terms of its injection}.
    """

    def __init__(self, build: ModelBuilder, problem: FleetProblem, i: int, cap_kw: list[float], *, relaxed: bool) -> None:
        calls, self._build, self._n = problem.calls, build, problem.periods
        self.running, self._max_on = int(calls.running[i]), int(calls.max_on[i])
        self._ramp, self._rebound = int(calls.ramp[i]), int(calls.rebound[i])
        first, end = int(calls.first[i]), int(calls.end[i])
        self.begin = 0 if self.running else first
        self.on: Variables = []
        self.terms: dict[int, list[Term]] = {}
        room = min(calls.max_calls[i], calls.max_periods[i], self._max_on, end - first) > 0 and any(cap_kw[first:end])
        if not room and not self.running:
            return
        self._length = max(end - self.begin, 0)
        self._cap = cap_kw[self.begin :]
        cny = problem.hours * float(calls.cost_cny_per_kwh[i])
        whole = bool(calls.whole[i])
        self._cost = [cny * cap if whole else 0.0 for cap in self._cap[: self._length]]
        self.on = build.variables([0.0] * self._length, [1.0] * self._length, self._cost, integer=not relaxed)
        may_start = [float(room and self.begin + k >= first) for k in range(self._length)]
        slowly = self._ramp / (self._ramp + 1)
        self._start = build.variables([0.0] * self._length, may_start, [-slowly * cost for cost in self._cost])
        self._before: list[Term] = [(build.variable(1.0, 1.0), 1.0)] if self.running else []
        self._run = self._still_running() if self.running else []
        self._rules(max(1, int(calls.rest[i]), self._rebound), int(calls.max_calls[i]), int(calls.max_periods[i]))
        if whole:
            self._shed_whole(float(calls.rebound_ratio[i]) if self._rebound else 0.0)
        else:
            self._shed_in_part(cny)

    def _was_on(self, k: int) -> list[Term]:
        return [(self.on[k], 1.0)] if k >= 0 else self._before

    def _kept_back(self, age: int) -> float:
        """What a ramp keeps back of a call that has lasted `age` periods (a ratio)."""
        return max(1.0 - (age + 1) / (self._ramp + 1), 0.0)

    def _still_running(self) -> Variables:
        length = max(min(self._max_on - self.running, self._length), 0)
        saved = [-cost * self._kept_back(self.running + k) for k, cost in enumerate(self._cost[:length])]
        run = self._build.variables([0.0] * length, [1.0] * length, saved)
        for k, now in enumerate(run):
            before: list[Term] = [(run[k - 1], -1.0)] if k else []
            right = 0.0 if k else 1.0  # of run[-1] = 1
            self._build.row([(now, 1.0), (self.on[k], -1.0)], LE, 0.0)
            self._build.row([(now, 1.0), *before], LE, right)
            self._build.row([(now, 1.0), (self.on[k], -1.0), *before], GE, right - 1.0)
        return run

    def _rules(self, pause: int, max_calls: int, max_periods: int) -> None:
        build, on, start = self._build, self.on, self._start
        for k in range(self._length):
            build.row([(start[k], 1.0), (on[k], -1.0), *self._was_on(k - 1)], GE, 0.0)
            if self._ramp or self._rebound:
                build.row([(start[k], 1.0), (on[k], -1.0)], LE, 0.0)
            recent = [*((v, 1.0) for v in start[max(0, k - pause + 1) : k + 1]), *self._was_on(k - pause)]
            if len(recent) > 1:
                build.row(recent, LE, 1.0)
            if k >= self._max_on - self.running:
                build.row([(on[k], -1.0), *((v, 1.0) for v in start[max(0, k - self._max_on + 1) : k + 1])], GE, 0.0)
        if not self._length:
            return
        build.row([(v, 1.0) for v in start], LE, float(max_calls))
        if max_periods < min(self._length, max_calls * self._max_on):
            build.row([*((v, 1.0) for v in on), *((v, -1.0) for v in self._run)], LE, float(max_periods))

    def _shed_in_part(self, cny: float) -> None:
        for k, (on, cap) in enumerate(zip(self.on, self._cap, strict=False)):
            if cap > 0:
                shed = self._build.variable(0.0, cap, cny)
                self._build.row([(shed, 1.0), (on, -cap)], LE, 0.0)
                self.terms[self.begin + k] = [(shed, 1.0)]

    def _shed_whole(self, ratio: float) -> None:
        length, rebound, terms = self._length, self._rebound, self.terms
        terms |= {self.begin + k: [(self.on[k], self._cap[k] * (1.0 + ratio))] for k in range(length)}
        for k, age_terms in enumerate(self._young()):
            # an end is start - on + on before: its rebound shares the variables of what is shed
            (begun, lost), *rest = age_terms or [(self._start[k], 0.0)]
            terms[self.begin + k] += [(begun, lost - self._cap[k] * ratio), *rest]
        for k in range(min(length + rebound, self._n - self.begin) if ratio else 0):
            after = terms.setdefault(self.begin + k, [])
            after += [(v, -self._cap[k] * ratio) for v in self._start[max(0, k - rebound + 1) : min(k, length)]]
            if k < length + rebound:
                after += [(v, -self._cap[k] * ratio) for v, _ in self._was_on(k - rebound)]

    def _young(self) -> list[list[Term]]:
        """By period of the window what a ramp keeps back, youngest first; its cost is saved (the start's already)."""
        ramp, build, cost, on, start = self._ramp, self._build, self._cost, self.on, self._start
        if not ramp or not on:
            return [[] for _ in on]
        kept_back = [self._kept_back(age) for age in range(ramp)]
        young, full = [start[0]], None
        terms: list[list[Term]] = []
        for k in range(len(on)):
            if k:
                ages = kept_back[1 : k + 1]
                grown = build.variables([0.0] * len(ages), [1.0] * len(ages), [-cost[k] * c for c in ages])
                for now, before in zip(grown, young, strict=False):
                    build.row([(now, 1.0), (before, -1.0)], LE, 0.0)
                before_full: list[Term] = [(full, -1.0)] if full is not None else []
                if k >= ramp:
                    full = build.variable(0.0, 1.0)
                    build.row([(full, 1.0), (young[ramp - 1], -1.0), *before_full], LE, 0.0)
                young = [start[k], *grown]
            all_on: list[Term] = [(v, 1.0) for v in young] + ([(full, 1.0)] if full is not None else [])
            still: list[Term] = [(self._run[k], 1.0)] if k < len(self._run) else []
            build.row([(on[k], -1.0), *all_on, *still], EQ, 0.0)
            terms.append([(v, -self._cap[k] * c) for v, c in zip(young, kept_back, strict=False)])
            if still and self.running + k < ramp:
                terms[-1].append((self._run[k], -self._cap[k] * kept_back[self.running + k]))
        return terms
