"""What the product's own methods are held against: the QP of a split by HiGHS, and a proof by weak duality.

HiGHS 1.15's active-set method goes round in circles on one QP in ten here and calls wrong points optimal where costs are
equal, so it is asked about parks without ties only; the bound holds for any park.
"""

import highspy
import numpy as np

from aggregator.dispatch.domain.split.ask import Ask


def by_highs(ask: Ask) -> tuple[np.ndarray, float]:
    """(amounts (N,) in units, objective [unit x cost]) of the QP, or of the LP where fairness is 0."""
    asset = np.flatnonzero(ask.room)
    bound = np.flatnonzero((ask.most < ask.site_room) | (ask.least > 0))
    site = ask.per_asset(np.arange(len(ask.starts)))[asset]
    matrix = np.vstack((bound[:, None] == site[None, :], np.ones(len(asset)))).astype(float)
    n, rows = len(asset), len(bound) + 1
    size = max(1.0, ask.amount / 10.0)  # amounts of a size that suits the solver's tolerances
    model = highspy.HighsModel()
    lp = model.lp_
    lp.num_col_, lp.num_row_ = n, rows
    lp.col_cost_, lp.col_lower_, lp.col_upper_ = ask.cost[asset], np.zeros(n), ask.room[asset] / size
    lp.row_lower_ = np.append(ask.least[bound], ask.amount) / size
    lp.row_upper_ = np.append(ask.most[bound], ask.amount) / size
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = np.append(0, np.cumsum((matrix > 0).sum(axis=1)))
    lp.a_matrix_.index_ = np.nonzero(matrix)[1]
    lp.a_matrix_.value_ = np.ones(int(matrix.sum()))
    if ask.fairness > 0:
        model.hessian_.dim_ = n
        model.hessian_.format_ = highspy.HessianFormat.kTriangular
        model.hessian_.start_ = np.arange(n + 1)
        model.hessian_.index_ = np.arange(n)
        model.hessian_.value_ = ask.fairness * size / ask.weight[asset]
    solver = highspy.Highs()
    for option, value in (("output_flag", False), ("presolve", "off"), ("qp_regularization_value", 0.0), ("qp_iteration_limit", 10_000)):
        solver.setOptionValue(option, value)
    solver.passModel(model)
    solver.run()
    assert solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
    amount = np.zeros(len(ask.room))
    amount[asset] = np.array(solver.getSolution().col_value) * size
    return amount, objective(ask, amount)


def objective(ask: Ask, amount: np.ndarray) -> float:
    return float((ask.cost * amount).sum() + 0.5 * ask.fairness * (amount**2 / ask.weight).sum())


def lower_bound(ask: Ask, price: float, site_price: np.ndarray) -> float:
    """No split has a smaller objective, whatever the prices (Lagrange); at the right prices it is the optimum."""
    margin = ask.per_asset(site_price) - ask.cost
    best = np.clip(margin * ask.weight / ask.fairness, 0.0, ask.room) if ask.fairness > 0 else np.where(margin > 0, ask.room, 0.0)
    of_assets = (0.5 * ask.fairness * best**2 / ask.weight - margin * best).sum()
    dearer = site_price - price
    of_sites = np.where(dearer < 0, dearer * ask.most, dearer * ask.least).sum()
    return float(of_assets + of_sites + price * ask.amount)
