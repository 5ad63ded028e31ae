"""`/api/v1/awards/{id}/trace`, `/api/v1/statements`: what an award led to, and what enterprises receive."""

from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from market.settlement import queries
from market.settlement.queries import StatementFacts, StatementPage, Trace

DECIMALS = {"kwh": (14, 3), "amount_cny": (24, 10)}
PLAIN = {
    str: serializers.CharField,
    int: serializers.IntegerField,
    float: serializers.FloatField,
    bool: serializers.BooleanField,
    date: serializers.DateField,
    datetime: serializers.DateTimeField,
    UUID: serializers.UUIDField,
}
_known: dict[type, type[serializers.Serializer]] = {}


def _serializer(facts: type, *computed: str) -> type[serializers.Serializer]:
    """A read-only serializer of a frozen dataclass, so that answer and document cannot differ from the facts."""
    if facts not in _known:
        hints = get_type_hints(facts)
        members: dict[str, Any] = {field.name: _field(field.name, hints[field.name]) for field in fields(facts)}
        members |= {name: serializers.BooleanField(read_only=True) for name in computed}
        members["__doc__"] = facts.__doc__
        _known[facts] = type(f"{facts.__name__}Serializer", (serializers.Serializer,), members)
    return _known[facts]


def _field(name: str, kind: Any) -> serializers.Field:
    optional = get_origin(kind) in (Union, UnionType) and NoneType in get_args(kind)
    if optional:
        kind = next(arg for arg in get_args(kind) if arg is not NoneType)
    if get_origin(kind) is tuple:
        return _serializer(get_args(kind)[0])(many=True)
    if isinstance(kind, type) and is_dataclass(kind):
        return _serializer(kind)(allow_null=optional)
    if kind is Decimal:
        digits, places = DECIMALS["kwh" if name.endswith("_kwh") else "amount_cny"]
        return serializers.DecimalField(max_digits=digits, decimal_places=places, allow_null=optional)
    return PLAIN[kind](allow_null=optional)


_serializer(queries.Check, "holds")
TraceSerializer = _serializer(Trace, "reconciles")
StatementSerializer = _serializer(StatementFacts)
StatementPageSerializer = _serializer(StatementPage)


class StatementQuery(serializers.Serializer):
    day = serializers.DateField(required=False)
    enterprise = serializers.CharField(required=False, max_length=60)
    limit = serializers.IntegerField(default=100, min_value=1, max_value=500)
    offset = serializers.IntegerField(default=0, min_value=0)


class AwardTrace(APIView):
    """Every setpoint, acknowledgement, delivered kWh, shortfall and fen of one award, and the checks."""

    @extend_schema(operation_id="award_trace", responses={200: TraceSerializer}, tags=["settlement"])
    def get(self, request: Request, public_id: UUID) -> Response:
        """Staff see the portfolio; a member of an enterprise its own part (404 where it has none)."""
        return Response(TraceSerializer(queries.trace(award_public_id=public_id, user=request.user)).data)


class StatementList(APIView):
    """Statements of the enterprises that the user may see, newest days first."""

    @extend_schema(operation_id="statements", parameters=[StatementQuery], responses={200: StatementPageSerializer}, tags=["settlement"])
    def get(self, request: Request) -> Response:
        query = StatementQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        return Response(StatementPageSerializer(queries.statements(user=request.user, **query.validated_data)).data)


class StatementDetail(APIView):
    """One statement with its lines."""

    @extend_schema(
        operation_id="statement",
        parameters=[OpenApiParameter("public_id", UUID, OpenApiParameter.PATH)],
        responses={200: StatementSerializer},
        tags=["settlement"],
    )
    def get(self, request: Request, public_id: UUID) -> Response:
        return Response(StatementSerializer(queries.statement(public_id=public_id, user=request.user)).data)
