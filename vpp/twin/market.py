"""The market operator: invitations, prices, clearing, awards and instructions, by signed messages both ways."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np

from aggregator.kernel.periods import Grid, day_of, midnight
from aggregator.kernel.signing import SignatureRefused, sign, verify
from vpp.twin.clearing import ReceivedBid, clear_demand_response, clear_reserve, clear_spot, read_bid, refusal
from vpp.twin.loopback import Answer, SignedMessage
from vpp.twin.scenario import Invitation, ReserveMarket

RECEIPT_DELAY = timedelta(minutes=1)


@dataclass(frozen=True)
class PublishedPrices:
    """Prices [CNY/MWh] of one market and day; `grid` has the market's resolution."""

    market: str
    grid: Grid
    cny_per_mwh: np.ndarray
    source: str
    synthetic: bool


@dataclass(frozen=True)
class Rules:
    """What the operator goes by on this day."""

    invites_at: datetime
    gate_closes_at: datetime
    publishes_at: datetime
    max_spot_steps: int | None


@dataclass(order=True)
class Errand:
    """A message that is to leave at `due_at`. `copies`: a deliberate repetition; `replay`: the old bytes again."""

    due_at: datetime
    number: int
    message_id: str = field(compare=False)
    type: str = field(compare=False)
    data: Callable[[], dict[str, Any] | None] = field(compare=False)
    copies: int = field(compare=False, default=1)
    replay: bool = field(compare=False, default=False)


class Operator:
    """One market account's counterpart. `receive` runs in server threads, the rest in the conductor's."""

    def __init__(
        self,
        *,
        name: str,
        secret: str,
        day: date,
        rules: Rules,
        day_ahead: PublishedPrices,
        real_time: tuple[PublishedPrices, ...],
        invitation: Invitation | None,
        reserve: ReserveMarket | None = None,
        business_now: Callable[[], datetime],
        wall_now: Callable[[], datetime],
        journal: Callable[[str, datetime, bytes], None],
    ) -> None:
        self.name, self._secret, self.day, self._rules = name, secret, day, rules
        self._day_ahead, self._real_time, self._invitation, self._reserve = day_ahead, real_time, invitation, reserve
        self._business_now, self._wall_now, self._journal = business_now, wall_now, journal
        self._lock = threading.Lock()
        self._bodies: dict[str, bytes] = {}
        self._bids: dict[str, ReceivedBid] = {}
        self._verdicts: dict[str, str] = {}
        self._errands: list[Errand] = []
        self._sent: dict[str, SignedMessage] = {}
        self._plan_day()

    # --- what the operator says, and when

    def _plan_day(self) -> None:
        if self._invitation is not None:
            self._errand(self._rules.invites_at, "invitation", "invitation.published", self._invitation_data, copies=2)
        self._errand(self._rules.publishes_at, "price-day-ahead", "price.published", lambda: _price_data(self._day_ahead))
        for prices in self._real_time:
            published_at = prices.grid.ends_at + timedelta(minutes=30)
            self._errand(published_at, f"price-real-time-{published_at:%Y%m%d}", "price.published", partial(_price_data, prices))

    def _errand(self, due_at: datetime, what: str, kind: str, data: Callable[[], dict[str, Any] | None], **how: Any) -> None:
        message_id = f"{self.name}-{self.day:%Y%m%d}-{what}"
        self._errands.append(Errand(due_at, len(self._errands), message_id, kind, data, **how))

    def next_due(self) -> datetime | None:
        with self._lock:
            return min((errand.due_at for errand in self._errands), default=None)

    def due(self, now: datetime) -> list[tuple[SignedMessage, bool]]:
        """Signed messages that leave by `now`, in order; a copy stands next to its original.

        True beside those that somebody sends again: the product may take or refuse them, without effect.
        """
        with self._lock:
            due = sorted(errand for errand in self._errands if errand.due_at <= now)
            self._errands = [errand for errand in self._errands if errand.due_at > now]
        return [(message, errand.replay) for errand in due for message in self._messages(errand)]

    def _messages(self, errand: Errand) -> list[SignedMessage]:
        if errand.replay:
            captured = self._sent.get(errand.message_id)
            return [captured] if captured else []
        data = errand.data()
        if data is None:
            return []
        body = json.dumps({"type": errand.type, "timestamp": errand.due_at.isoformat(), "data": data}, separators=(",", ":")).encode()
        timestamp = int(self._wall_now().timestamp())
        headers = {
            "webhook-id": errand.message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(secret=self._secret, message_id=errand.message_id, timestamp=timestamp, body=body),
        }
        self._sent[errand.message_id] = SignedMessage(errand.message_id, headers, body)
        return [self._sent[errand.message_id]] * errand.copies

    # --- what the operator hears

    def receive(self, headers: Mapping[str, str], body: bytes) -> Answer:
        """202 taken (the verdict follows as a message), 401 forged or too old, 409 an id with other content, 400."""
        message_id = headers.get("webhook-id", "")
        try:
            verify(
                secrets=[self._secret],
                message_id=message_id,
                timestamp=headers.get("webhook-timestamp", ""),
                signature=headers.get("webhook-signature", ""),
                body=body,
                now=int(self._wall_now().timestamp()),
            )
        except SignatureRefused:
            return Answer(401, "signature refused")
        with self._lock:
            if message_id in self._bodies:
                return Answer(202, "known") if self._bodies[message_id] == body else Answer(409, "message id was used before")
            now = self._business_now()
            try:
                bid = self._read(body, now)
            except (ValueError, KeyError, TypeError, ArithmeticError) as problem:
                return Answer(400, f"not understood: {problem!r}")
            self._journal(message_id, now, body)
            self._take(message_id, body, bid)
        return Answer(202, "taken")

    def restore(self, message_id: str, received_at: datetime, body: bytes) -> None:
        """Take a journalled message again after a restart."""
        with self._lock:
            self._take(message_id, body, self._read(body, received_at))

    def _read(self, body: bytes, received_at: datetime) -> ReceivedBid | None:
        message = json.loads(body)
        if message["type"] == "bid.submitted":
            return read_bid(message["data"], received_at=received_at)
        if message["type"] == "instruction.acknowledged":
            return None
        raise ValueError(f"type {message['type']}")

    def _take(self, message_id: str, body: bytes, bid: ReceivedBid | None) -> None:
        self._bodies[message_id] = body
        if bid is None or bid.bid_id in self._bids:
            return
        max_steps = self._rules.max_spot_steps if bid.product == "spot" else None
        reason = refusal(bid, gate_closes_at=self._rules.gate_closes_at, max_steps=max_steps)
        self._bids[bid.bid_id] = bid
        self._verdicts[bid.bid_id] = reason
        kind = "bid.rejected" if reason else "bid.accepted"
        self._errand(bid.received_at + RECEIPT_DELAY, f"receipt-{bid.bid_id}", kind, lambda: {"bid_id": bid.bid_id, "reason": reason})
        if not reason:
            what = f"award-{bid.bid_id}"
            self._errand(self._rules.publishes_at + timedelta(minutes=1), what, "award.published", lambda: self._award_data(bid))
            # An old message sent again by somebody who listened: it must change nothing.
            self._errand(self._rules.publishes_at + timedelta(minutes=2), what, "award.published", lambda: None, replay=True)
            if bid.product == "demand_response":
                self._errand(self._called_at(), f"instruction-{bid.bid_id}", "instruction.issued", lambda: self._instruction_data(bid))

    # --- contents

    def _window(self) -> tuple[datetime, datetime]:
        assert self._invitation is not None
        start = midnight(self.day)
        clock = (self._invitation.starts, self._invitation.ends)
        return tuple(start + timedelta(hours=c.hour, minutes=c.minute) for c in clock)  # type: ignore[return-value]

    def _called_at(self) -> datetime:
        notice = timedelta(minutes=self._invitation.notice_minutes) if self._invitation else timedelta(0)
        return self._window()[0] - notice

    @property
    def _invitation_reference(self) -> str:
        return f"{self.name}-{self.day:%Y%m%d}-DR"

    def _invitation_data(self) -> dict[str, Any]:
        assert self._invitation is not None
        starts_at, ends_at = self._window()
        return {
            "reference": self._invitation_reference,
            "delivery_day": self.day.isoformat(),
            "direction": self._invitation.direction,
            "starts_at": starts_at.isoformat(),
            "ends_at": ends_at.isoformat(),
            "max_kw": self._invitation.max_kw,
            "price_cap_cny_per_mwh": str(self._invitation.price_cap_cny_per_mwh),
            "reply_by": self._rules.gate_closes_at.isoformat(),
        }

    def _cleared(self, bid: ReceivedBid) -> dict[datetime, tuple[Decimal, Decimal]]:
        if bid.product == "spot":
            prices = self._day_ahead
            known = {at: _text(p) for at, p in zip(prices.grid.starts, prices.cny_per_mwh, strict=True) if np.isfinite(p)}
            return clear_spot(bid, {at: Decimal(text) for at, text in known.items()})
        if bid.product in ("reserve_up", "reserve_down"):
            market = self._reserve or ReserveMarket()
            return clear_reserve(bid, market.up_cny_per_mw_h if bid.product == "reserve_up" else market.down_cny_per_mw_h)
        if self._invitation is None or bid.invitation != self._invitation_reference:
            return {}
        starts_at, ends_at = self._window()
        cap = self._invitation.price_cap_cny_per_mwh
        return clear_demand_response(
            bid,
            starts_at=starts_at,
            ends_at=ends_at,
            max_kw=Decimal(str(self._invitation.max_kw)),
            price=min(cap, self._invitation.clearing_price_cny_per_mwh or cap),
            direction=self._invitation.direction,
        )

    def _award_data(self, bid: ReceivedBid) -> dict[str, Any]:
        periods = [
            {"starts_at": at.isoformat(), "injection_kw": str(kw), "price_cny_per_mwh": str(price)}
            for at, (kw, price) in self._cleared(bid).items()
        ]
        return {
            "award_id": f"A-{bid.bid_id}",
            "bid_id": bid.bid_id,
            "product": bid.product,
            "delivery_day": bid.delivery_day.isoformat(),
            "periods": periods,
        }

    def _instruction_data(self, bid: ReceivedBid) -> dict[str, Any] | None:
        """Called with the mean of the awarded quantities over the window; nothing awarded, nothing called."""
        cleared = self._cleared(bid)
        if self._invitation is None or not self._invitation.called or not cleared:
            return None
        starts_at, ends_at = self._window()
        mean_kw = sum((kw for kw, _ in cleared.values()), Decimal(0)) / len(cleared)
        return {
            "instruction_id": f"I-{bid.bid_id}",
            "award_id": f"A-{bid.bid_id}",
            "starts_at": max(starts_at, min(cleared)).isoformat(),
            "ends_at": ends_at.isoformat(),
            "injection_change_kw": float(round(mean_kw, 3)),
        }


def _text(price: float) -> str:
    return f"{price:.4f}"


def _price_data(prices: PublishedPrices) -> dict[str, Any]:
    return {
        "market": prices.market,
        "day": day_of(prices.grid.starts_at).isoformat(),
        "resolution_s": int(prices.grid.resolution.total_seconds()),
        "prices_cny_per_mwh": [_text(p) if np.isfinite(p) else None for p in prices.cny_per_mwh],
        "source": prices.source,
        "synthetic": prices.synthetic,
    }
