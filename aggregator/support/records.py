"""The records back office shows rows; it never edits a lifecycle. Deeds are buttons on staff pages."""

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest


class ReadOnlyAdmin(admin.ModelAdmin):
    """List and look. Binary columns (arrays, message bodies) are left out: pages draw them."""

    list_per_page = 50
    show_full_result_count = False

    def get_list_display(self, request: HttpRequest) -> list[str]:
        shown = [field.name for field in self.model._meta.fields if self._readable(field)]
        return ["__str__", *[name for name in shown if name not in ("id", "public_id")][:7]]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [field.name for field in self.model._meta.fields if self._readable(field) or field.name == "public_id"]

    @staticmethod
    def _readable(field: models.Field) -> bool:
        return not isinstance(field, models.BinaryField) and not field.name.startswith(("sealed", "api_key_sha"))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
