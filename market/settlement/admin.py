from django.contrib import admin

from aggregator.support.records import ReadOnlyAdmin
from market.settlement.models import SettlementLine, SettlementRun, Statement, StatementLine

admin.site.register([SettlementLine, SettlementRun, Statement, StatementLine], ReadOnlyAdmin)
