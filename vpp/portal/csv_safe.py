"""A text cell that a spreadsheet would run as a formula is made harmless."""

from typing import Any

STARTERS = ("=", "+", "-", "@", "\t", "\r")


def safe_cell(value: Any) -> Any:
    """Numbers pass; a text that begins like a formula gets a leading apostrophe."""
    if isinstance(value, str) and value.startswith(STARTERS):
        return f"'{value}"
    return value
