"""The machine edges in the OpenAPI document. They are plain views (columns, not a serializer per row), so they are written here.

Every example is posted to its endpoint by a test.
"""

from typing import Any

Schema = dict[str, Any]
MOMENT = {"type": "string", "format": "date-time", "description": "RFC 3339 with offset"}
PUBLIC_ID = {"type": "string", "format": "uuid"}
INTEGER = {"type": "integer", "minimum": 0}
TEXT = {"type": "string"}
NULLABLE_NUMBER = {"type": ["number", "null"]}
KWH = {"type": ["string", "null"], "pattern": r"^\d+(\.\d{1,3})?$", "description": "kWh with at most three decimals; null = missing"}


def _object(required: list[str], **properties: Any) -> Schema:
    return {"type": "object", "required": required, "properties": properties}


def _array(items: Schema, description: str = "") -> Schema:
    return {"type": "array", "items": items, **({"description": description} if description else {})}


SESSION = _object(
    ["session_key", "plugged_in_at"],
    session_key={**TEXT, "description": "unique at its asset"},
    plugged_in_at=MOMENT,
    plugged_out_at=MOMENT,
    energy_kwh={"type": "number", "minimum": 0, "description": "charged so far"},
    need_kwh={"type": "number", "minimum": 0, "description": "what the car needs at departure"},
    user_key=TEXT,
)
SERIES = _object(
    ["asset", "starts_at", "resolution_s", "injection_kw"],
    asset=PUBLIC_ID,
    starts_at=MOMENT,
    resolution_s={"type": "integer", "minimum": 1, "maximum": 3600, "description": "divides an hour"},
    injection_kw=_array(
        NULLABLE_NUMBER, "mean of each interval in kW, positive into the grid for every asset, loads included; null = missing"
    ),
    soc_ratio=_array(NULLABLE_NUMBER, "state of charge 0..1 at the end of each interval"),
    sessions=_array(SESSION, "charging sessions that began, changed or ended"),
)
CLAIM = _object(
    ["setpoint_id", "state", "at"],
    setpoint_id=PUBLIC_ID,
    state={"type": "string", "enum": ["accepted", "rejected"]},
    reason=TEXT,
    at=MOMENT,
)
READING = _object(
    ["metering_point", "day", "resolution_s", "import_kwh", "export_kwh"],
    metering_point={**TEXT, "description": "code of the metering point"},
    day={"type": "string", "format": "date", "description": "local day; it has to be over"},
    resolution_s={"type": "integer", "description": "divides an hour"},
    import_kwh=_array(KWH, "taken from the grid, one value a period of the day"),
    export_kwh=_array(KWH, "fed into the grid, one value a period of the day"),
    quality={"type": "string", "enum": ["measured", "estimated", "synthetic"]},
    reason={**TEXT, "description": "why an earlier reading is replaced; stands on the statement"},
)
REJECTED = _array(_object(["index", "reason", "detail"], index=INTEGER, reason={**TEXT, "description": "stable code"}, detail=TEXT))
INGESTED = _object(["accepted", "duplicates", "rejected"], accepted=INTEGER, duplicates=INTEGER, rejected=REJECTED)
IMPORTED = _object(
    ["accepted", "revisions", "duplicates", "rejected"], accepted=INTEGER, revisions=INTEGER, duplicates=INTEGER, rejected=REJECTED
)
RECORDED = _object(
    ["recorded", "duplicates", "unknown"],
    recorded=INTEGER,
    duplicates=INTEGER,
    unknown=_array(PUBLIC_ID, "setpoints that are none of this gateway's assets"),
)
PROBLEM = _object(
    ["status", "code", "title"],
    status={"type": "integer"},
    code=TEXT,
    title=TEXT,
    errors=_array(_object(["pointer", "detail"], pointer=TEXT, detail=TEXT)),
    request_id=TEXT,
)

EXAMPLES: dict[str, dict[str, Any]] = {
    "/api/v1/telemetry": {
        "series": [
            {
                "asset": "01980a5e-7c00-7000-8000-000000000001",
                "starts_at": "2026-07-15T09:00:00+08:00",
                "resolution_s": 300,
                "injection_kw": [-120.5, None, -118.0],
                "soc_ratio": [0.41, None, 0.43],
            }
        ]
    },
    "/api/v1/acknowledgements": {
        "acknowledgements": [
            {
                "setpoint_id": "01980a5e-7c00-7000-8000-000000000002",
                "state": "accepted",
                "reason": "",
                "at": "2026-07-15T16:00:10+08:00",
            }
        ]
    },
    "/api/v1/readings:batch": {
        "readings": [
            {
                "metering_point": "METER-0001",
                "day": "2026-07-14",
                "resolution_s": 3600,
                "import_kwh": ["412.250", None, *["0"] * 22],
                "export_kwh": ["0", None, *["0.5"] * 22],
                "quality": "measured",
                "reason": "",
            }
        ]
    },
}


def _post(path: str, name: str, summary: str, member: str, items: Schema, answer: Schema) -> Schema:
    problem = {"content": {"application/problem+json": {"schema": PROBLEM}}}
    body = {"schema": _object([member], **{member: _array(items)}), "example": EXAMPLES[path]}
    return {
        "post": {
            "operationId": name,
            "summary": summary,
            "tags": ["gateways"],
            "security": [{"gatewayKey": []}],
            "requestBody": {"required": True, "content": {"application/json": body}},
            "responses": {
                "200": {
                    "description": "Counted; where a part is refused the rest is kept",
                    "content": {"application/json": {"schema": answer}},
                },
                "400": {"description": "Not readable as described", **problem},
                "401": {"description": "No or unknown key", **problem},
                "413": {"description": "Body larger than 8 MB", **problem},
                "415": {"description": "Not JSON", **problem},
            },
        }
    }


def add_machine_paths(result: Schema, generator: Any, request: Any, public: bool) -> Schema:
    """drf-spectacular postprocessing hook."""
    rows = (
        ("/api/v1/telemetry", "post_telemetry", "Telemetry in columns, one row per asset", "series", SERIES, INGESTED),
        (
            "/api/v1/acknowledgements",
            "post_acknowledgements",
            "What the controller says of its setpoints",
            "acknowledgements",
            CLAIM,
            RECORDED,
        ),
        ("/api/v1/readings:batch", "post_readings", "Readings by metering point and day", "readings", READING, IMPORTED),
    )
    result["paths"] |= {row[0]: _post(*row) for row in rows}
    schemes = result.setdefault("components", {}).setdefault("securitySchemes", {})
    schemes["gatewayKey"] = {"type": "http", "scheme": "bearer", "description": "API key of a gateway"}
    return result
