"""What every list of the faces shares: choices in the address, pages, and an export that a spreadsheet reads safely."""

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

PAGE_ROWS = 50
EXPORT_ROWS = 10_000
# What a spreadsheet takes for the beginning of a formula; the last four are the full-width forms.
STARTERS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def safe_cell(value: Any) -> Any:
    """Numbers pass; a text that begins like a formula gets a leading apostrophe."""
    if isinstance(value, str) and (value.startswith(STARTERS) or value.lstrip().startswith(STARTERS)):
        return f"'{value}"
    return value


def csv_answer(name: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> HttpResponse:
    """`name`.csv, UTF-8 with BOM, so that spreadsheets read Chinese."""
    answer = HttpResponse("\ufeff", content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    writer = csv.writer(answer)
    writer.writerow([safe_cell(cell) for cell in header])
    for row in rows:
        writer.writerow([safe_cell("" if cell is None else cell) for cell in row])
    return answer


@dataclass(frozen=True)
class Choice:
    """One select above a list: what the address says narrows the rows."""

    name: str
    label: str
    options: tuple[tuple[str, str], ...]
    narrow: Callable[[QuerySet, str], QuerySet]


def equal(lookup: str) -> Callable[[QuerySet, str], QuerySet]:
    return lambda rows, code: rows.filter(**{lookup: code})


@dataclass(frozen=True)
class Column:
    """One column of the export; the heading is a stable name, values are plain."""

    heading: str
    value: Callable[[Any], Any]


@dataclass(frozen=True)
class Listing:
    """Rows of one page of a list, with the choices that made them."""

    page: Page
    filters: list[tuple[Choice, str]]

    @property
    def filtered(self) -> bool:
        return any(chosen for _, chosen in self.filters)


def listing(
    request: HttpRequest, rows: QuerySet, choices: Sequence[Choice], columns: Sequence[Column], *, name: str
) -> Listing | HttpResponse:
    """The page that the address asks for, or the whole list as CSV where it says ?format=csv."""
    filters = []
    for choice in choices:
        wanted = request.GET.get(choice.name, "")
        chosen = wanted if wanted in {code for code, _ in choice.options} else ""
        filters.append((choice, chosen))
        if chosen:
            rows = choice.narrow(rows, chosen)
    if request.GET.get("format") == "csv":
        return csv_answer(name, [c.heading for c in columns], ([c.value(row) for c in columns] for row in rows[:EXPORT_ROWS]))
    return Listing(Paginator(rows, PAGE_ROWS).get_page(request.GET.get("page")), filters)
