from django.urls import path

from vpp.portal import forecast_views, views

app_name = "portal"
urlpatterns = [
    path("", views.assets, name="assets"),
    path("assets/<uuid:public_id>/", views.asset, name="asset"),
    path("assets/<uuid:public_id>/plan/", views.asset_plan, name="asset-plan"),
    path("opt-outs/<uuid:public_id>/", views.opt_out, name="opt-out"),
    path("forecasts/", forecast_views.forecasts, name="forecasts"),
    path("events/", views.events, name="events"),
    path("statements/", views.statements, name="statements"),
    path("statements/<uuid:public_id>/", views.statement, name="statement"),
    path("statements/<uuid:public_id>/lines.csv", views.statement_csv, name="statement-csv"),
    path("green/", views.green, name="green"),
]
