"""The records back office: stock admin, one site, open to whoever has a staff role."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from aggregator.enterprises.queries import staff_roles


class RecordsSite(admin.AdminSite):
    site_header = _("Records back office")
    site_title = _("Virtual power plant")
    index_title = _("Records")
    site_url = "/staff/"

    def has_permission(self, request: HttpRequest) -> bool:
        """Operator, settlement, auditor and superusers; nobody else, whatever single permissions they may hold."""
        return bool(staff_roles(request.user))
