"""A park folder as a stranger would write it: two enterprises, CSV files, ten days. Change it, then read it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

PACKS = Path(__file__).resolve().parents[4] / "fixtures" / "rule_packs"
FIRST = datetime(2026, 5, 31, 16, tzinfo=UTC)  # local midnight of June 1
N_DAYS = 10  # June 1 to 10: history to June 7, replay 8 and 9


def contract(number: str, valid_from: str = "2026-01-01", valid_to: str = "2027-01-01") -> dict[str, Any]:
    ratios = {"spot": "0.2", "demand_response": "0.2", "green": "0.1"}
    return {
        "number": number,
        "valid_from": valid_from,
        "valid_to": valid_to,
        "share_rule": {"kind": "fixed_share", "operator_ratio": ratios},
        "contract_curve": {"method": "typical_day"},
    }


def asset(code: str, kind: str, spec: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"code": code, "kind": kind, "name_zh": code, "name_en": code, "spec": spec, "origin": "synthetic", **more}


def site(code: str, assets: list[dict[str, Any]]) -> dict[str, Any]:
    names = {"code": code, "name_zh": code, "name_en": code}
    return {**names, "import_limit_kw": 500, "export_limit_kw": 200, "tariff_class": "industrial_10kv", "assets": assets}


def descriptor() -> dict[str, Any]:
    source = {"origin": "synthetic", "source": "written by a test"}
    power = {**source, "file": "power.csv", "time": "at", "zone": "Asia/Shanghai", "resolution_s": 900}
    known = {"day": -1, "at": "17:30"}
    return {
        "code": "small",
        "name_zh": "小园区",
        "name_en": "Small park",
        "province": "liaoning",
        "latitude": 41.8,
        "longitude": 123.4,
        "synthetic": True,
        "notes": [{"zh": "合成", "en": "Synthetic"}],
        "rule_pack": str(PACKS / "demo_liaoning_overlay.yaml"),
        "history": {"from": "2026-06-01", "to": "2026-06-07"},
        "replay": {"from": "2026-06-08", "to": "2026-06-09"},
        "series": {
            "power": power,
            "prices": {**source, "file": "prices.csv", "time": "at", "resolution_s": 3600, "coarser": "repeat"},
        },
        "sessions": {
            "cars": {
                **source,
                "file": "sessions.csv",
                "asset": "station",
                "session_key": "key",
                "plugged_in_at": "in",
                "plugged_out_at": "out",
                "energy_kwh": "kwh",
            }
        },
        "defaults": {"power": "power", "sessions": "cars"},
        "prices": {
            "day_ahead": {"series": "prices", "column": "price", "known": known},
            "real_time": {"series": "prices", "column": "price", "known": {"day": 1, "at": "00:30"}},
        },
        "platform": {"code": "small-market", "name_zh": "市场", "name_en": "Market"},
        "portfolio": {"code": "main", "name_zh": "单元", "name_en": "Portfolio", "valid_from": "2026-06-01"},
        "enterprises": [
            {
                "code": "one",
                "name_zh": "甲",
                "name_en": "One",
                "contracts": [contract("S-1")],
                "sites": [
                    site(
                        "one-a",
                        [
                            asset("pv-1", "pv", {"rated_kw": 100}),
                            asset("ld-1", "load", {"rated_kw": 300, "must_run_kw": 50}),
                            asset("st-1", "storage", {"energy_kwh": 200, "charge_kw": 50, "discharge_kw": 50}),
                        ],
                    )
                ],
            },
            {
                "code": "two",
                "name_zh": "乙",
                "name_en": "Two",
                "contracts": [contract("S-2")],
                "sites": [site("two-a", [asset("ev-2", "ev_station", {"connectors": 2, "connector_kw": 7, "station_limit_kw": 14})])],
            },
        ],
    }


def power_rows() -> list[list[str]]:
    """Local naive stamps; 100 kW of load, 40 kW of PV from 08:00 to 16:00."""
    rows = [["at", "pv-1", "ld-1"]]
    for k in range(N_DAYS * 96):
        local = FIRST + timedelta(hours=8) + k * timedelta(minutes=15)
        rows.append([local.strftime("%Y-%m-%d %H:%M"), "40" if 8 <= local.hour < 16 else "0", "100"])
    return rows


def price_rows() -> list[list[str]]:
    hours = [FIRST + k * timedelta(hours=1) for k in range(N_DAYS * 24)]
    return [["at", "price"], *([at.isoformat(), str(300 - 40 * (at.hour % 10))] for at in hours)]


def session_rows() -> list[list[str]]:
    rows = [["station", "key", "in", "out", "kwh"]]
    for k in range(N_DAYS):
        arrives = FIRST + timedelta(days=k, hours=9)
        rows.append(["ev-2", f"c{k}", arrives.isoformat(), (arrives + timedelta(hours=8)).isoformat(), "28"])
    rows.append(
        ["ev-2", "night", (FIRST + timedelta(days=6, hours=22)).isoformat(), (FIRST + timedelta(days=7, hours=6)).isoformat(), "42"]
    )
    return rows


@dataclass
class SmallPark:
    """Write with `write()`; `data` and the rows can be changed before."""

    folder: Path
    data: dict[str, Any] = field(default_factory=descriptor)
    power: list[list[str]] = field(default_factory=power_rows)
    prices: list[list[str]] = field(default_factory=price_rows)
    sessions: list[list[str]] = field(default_factory=session_rows)

    def write(self, *, encoding: str = "utf-8") -> Path:
        self.folder.mkdir(parents=True, exist_ok=True)
        text = yaml.safe_dump(self.data, allow_unicode=True, sort_keys=False)
        (self.folder / "park.yaml").write_text(text, encoding="utf-8")
        for name, rows in (("power", self.power), ("prices", self.prices), ("sessions", self.sessions)):
            body = "\n".join(",".join(row) for row in rows) + "\n"
            (self.folder / f"{name}.csv").write_text(body, encoding=encoding)
        return self.folder

    def line_of(self, text: str) -> int:
        """Line of park.yaml (as written) that contains `text`."""
        lines = (self.folder / "park.yaml").read_text(encoding="utf-8").splitlines()
        return next(k for k, line in enumerate(lines, 1) if text in line)
