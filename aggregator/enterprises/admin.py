from django.contrib import admin

from aggregator.enterprises.models import AgencyContract, Enterprise, Membership, Park, Site
from aggregator.support.records import ReadOnlyAdmin

admin.site.register([AgencyContract, Enterprise, Park, Site], ReadOnlyAdmin)


@admin.register(Membership)
class MembershipAdmin(admin.ModelAdmin):
    """Who may see which enterprise: the one record that staff edit here."""

    list_display = ("user", "enterprise", "role")
    list_select_related = ("user", "enterprise")
