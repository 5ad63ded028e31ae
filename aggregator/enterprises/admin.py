from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from aggregator.enterprises.models import AgencyContract, Enterprise, Feeder, Membership, Park, Site
from aggregator.support.records import ReadOnlyAdmin

admin.site.register([AgencyContract, Enterprise, Feeder, Park, Site], ReadOnlyAdmin)


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    """Who may see which enterprise: staff look, a superuser edits it as users and groups are edited."""

    list_select_related = ("user", "enterprise")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["user", "enterprise", "role"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_superuser

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.is_superuser
