"""The records back office shows rows; it never edits a lifecycle. Deeds are buttons on staff pages."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import HttpRequest, HttpResponse


class ReadOnlyAdmin(admin.ModelAdmin):
    """List and look, for whoever the back office lets in. Binary columns (arrays, message bodies) are left out: pages draw them."""

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

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Nothing can be posted to a list that has no actions."""
        if request.method == "POST" and not self.has_change_permission(request):
            raise PermissionDenied
        return super().changelist_view(request, extra_context)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.admin_site.has_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.admin_site.has_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
