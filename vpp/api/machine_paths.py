"""The machine edges in the OpenAPI document. They are plain views (columns, not a serializer per row), so they are written here."""

from typing import Any

MOMENT = {"type": "string", "format": "date-time", "description": "RFC 3339 with offset"}
PUBLIC_ID = {"type": "string", "format": "uuid"}
NULLABLE_NUMBER = {"type": ["number", "null"]}
KWH = {"type": ["string", "null"], "pattern": r"^\d+(\.\d{1,3})?$", "description": "kWh with at most three decimals; null = missing"}


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties}


def _array(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


SERIES = _object(
    ["asset", "starts_at", "resolution_s", "injection_kw"],
    asset=PUBLIC_ID,
    starts_at=MOMENT,
    resolution_s={"type": "integer", "minimum": 1},
    injection_kw={**_array(NULLABLE_NUMBER), "description": "kW, positive into the grid for every asset, loads included; null = missing"},
    soc_ratio={**_array(NULLABLE_NUMBER), "description": "state of charge 0..1 at the end of each interval"},
    sessions=_array({"type": "object", "description": "charging sessions that began, changed or ended"}),
)
CLAIM = _object(
    ["setpoint_id", "state", "at"],
    setpoint_id=PUBLIC_ID,
    state={"type": "string", "enum": ["accepted", "rejected"]},
    reason={"type": "string"},
    at=MOMENT,
)
READING = _object(
    ["metering_point", "day", "resolution_s", "import_kwh", "export_kwh"],
    metering_point={"type": "string"},
    day={"type": "string", "format": "date"},
    resolution_s={"type": "integer"},
    import_kwh=_array(KWH),
    export_kwh=_array(KWH),
    quality={"type": "string", "enum": ["measured", "estimated", "synthetic"]},
    reason={"type": "string"},
)
REPORT = _object(
    ["accepted", "duplicates", "rejected"],
    accepted={"type": "integer"},
    duplicates={"type": "integer"},
    rejected=_array(_object(["index", "reason"], index={"type": "integer"}, reason={"type": "string"})),
)
PROBLEM = _object(
    ["status", "code", "title"],
    status={"type": "integer"},
    code={"type": "string"},
    title={"type": "string"},
    errors=_array(_object(["pointer", "detail"], pointer={"type": "string"}, detail={"type": "string"})),
    request_id={"type": "string"},
)


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _post(name: str, summary: str, member: str, items: dict[str, Any]) -> dict[str, Any]:
    problem = {"content": {"application/problem+json": {"schema": PROBLEM}}}
    return {
        "post": {
            "operationId": name,
            "summary": summary,
            "tags": ["gateways"],
            "security": [{"gatewayKey": []}],
            "requestBody": {"required": True, "content": _json(_object([member], **{member: _array(items)}))},
            "responses": {
                "200": {"description": "Counted; where a part is rejected the rest is kept", "content": _json(REPORT)},
                "400": {"description": "Not readable as described", **problem},
                "401": {"description": "No or unknown key", **problem},
                "413": {"description": "Body larger than 8 MB", **problem},
                "415": {"description": "Not JSON", **problem},
            },
        }
    }


def add_machine_paths(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """drf-spectacular postprocessing hook."""
    result["paths"] |= {
        "/api/v1/telemetry": _post("post_telemetry", "Telemetry in columns, one row per asset", "series", SERIES),
        "/api/v1/acknowledgements": _post("post_acknowledgements", "What the controller says of its setpoints", "acknowledgements", CLAIM),
        "/api/v1/readings:batch": _post("post_readings", "Readings by metering point and day", "readings", READING),
    }
    schemes = result.setdefault("components", {}).setdefault("securitySchemes", {})
    schemes["gatewayKey"] = {"type": "http", "scheme": "bearer", "description": "API key of a gateway"}
    return result
