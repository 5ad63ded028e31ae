"""`python -m tests.check_summary FILE`: is this summary.json what a delivery day must look like?"""

import json
import sys
from pathlib import Path

DISOBEDIENT = "st-press"  # the storage of the demo park that acknowledges and does nothing
KEYS = """park delivery_day synthetic assets periods forecast cost_without_vpp_fen cost_with_vpp_fen
cost_perfect_foresight_fen captured_value_ratio renewable_self_consumption_ratio_without
renewable_self_consumption_ratio_with curtailed_mwh_with spot_bid_mwh spot_award_mwh
bid_mwh award_mwh instruction_mwh delivered_mwh deficiency_mwh setpoints
acknowledged followed contradicted owner_need unverified superseded pending contradicted_assets redispatched plans_withheld
revenue_fen statements_total_fen operator_fen unallocated_fen
limit_violations messages_in messages_out duplicates_ignored steps peak_memory_mib""".split()


def problems(summary: dict) -> list[str]:
    """What is wrong with the summary of the demo day; empty when it is right."""
    found = [f"{key} is missing" for key in KEYS if key not in summary]
    found += [f"{key} is null without a reason" for key in KEYS if summary.get(key, 0) is None and not summary.get(f"{key}_reason")]
    if found:
        return found
    rules = {
        "revenue = statements + operator + unallocated": summary["revenue_fen"]
        == summary["statements_total_fen"] + summary["operator_fen"] + summary["unallocated_fen"],
        "nothing is unallocated": summary["unallocated_fen"] == 0,
        "no limit is violated": summary["limit_violations"] == 0,
        "perfect <= with <= without": summary["cost_perfect_foresight_fen"]
        <= summary["cost_with_vpp_fen"]
        <= summary["cost_without_vpp_fen"],
        "instruction = delivered + deficiency": abs(summary["instruction_mwh"] - summary["delivered_mwh"] - summary["deficiency_mwh"])
        < 1e-6,
        "the disobedient storage was caught, and nobody else": summary["contradicted_assets"] == [DISOBEDIENT]
        and summary["contradicted"] >= 1
        and summary["redispatched"] >= 1,
        "each setpoint is counted once": summary["setpoints"]
        == sum(summary[name] for name in ("followed", "contradicted", "owner_need", "unverified", "superseded", "pending")),
        "every setpoint was judged": summary["pending"] == 0,
        "no plan was withheld": summary["plans_withheld"] == 0,
        "followed and contradicted were established": summary["followed"] >= 1
        and summary["setpoints"] >= summary["acknowledged"] >= summary["followed"] + summary["contradicted"],
        "messages went both ways, a duplicate did no harm": min(
            summary["messages_in"], summary["messages_out"], summary["duplicates_ignored"]
        )
        >= 1,
        "steps were timed": bool(summary["steps"]) and all({"name", "seconds"} <= set(step) for step in summary["steps"]),
    }
    return [f"not so: {rule}" for rule, holds in rules.items() if not holds]


def main() -> int:
    found = problems(json.loads(Path(sys.argv[1]).read_text()))
    for line in found:
        print(line)
    print("summary.json: " + ("as it must be" if not found else f"{len(found)} problems"))
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
