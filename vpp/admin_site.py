"""The records back office: stock admin, one site."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _


class RecordsSite(admin.AdminSite):
    site_header = _("Records back office")
    site_title = _("Virtual power plant")
    index_title = _("Records")
    site_url = "/staff/"
