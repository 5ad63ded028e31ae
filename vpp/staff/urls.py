from django.urls import path

from vpp.staff import deeds, forecast_views, pareto_views, plan_views, preview_views, run_views, views

app_name = "staff"
urlpatterns = [
    path("", views.show_overview, name="overview"),
    path("day.json", views.day_json, name="day-json"),
    path("instructions/", views.instruction_list, name="instructions"),
    path("instructions/<uuid:public_id>/", views.instruction_detail, name="instruction"),
    path("preview/", preview_views.preview, name="preview"),
    path("bids/", views.bid_list, name="bids"),
    path("bids/<uuid:public_id>/", views.bid_detail, name="bid"),
    path("plans/", plan_views.plan_list, name="plans"),
    path("plans/<uuid:public_id>/", plan_views.plan_detail, name="plan"),
    path("plans/<uuid:public_id>/assets/<uuid:asset_id>/", plan_views.plan_asset, name="plan-asset"),
    path("optimisation/", run_views.run_list, name="optimisations"),
    path("optimisation/compare/", run_views.run_compare, name="optimisation-compare"),
    path("optimisation/<uuid:public_id>/", run_views.run_detail, name="optimisation"),
    path("pareto/", pareto_views.pareto_list, name="paretos"),
    path("pareto/new/", pareto_views.pareto_new, name="pareto-new"),
    path("pareto/<uuid:public_id>/", pareto_views.pareto_detail, name="pareto"),
    path("forecasts/", forecast_views.forecast_page, name="forecasts"),
    path("forecasts/accuracy/", forecast_views.forecast_accuracy, name="forecast-accuracy"),
    path("forecasts/quality/", forecast_views.forecast_quality, name="forecast-quality"),
    path("alarms/", views.alarm_list, name="alarms"),
    path("alarms/<uuid:public_id>/acknowledge/", deeds.acknowledge_alarm, name="acknowledge-alarm"),
    path("trace/", views.trace_list, name="traces"),
    path("trace/<uuid:public_id>/", views.trace, name="trace"),
    path("settlement/", views.settlement_list, name="settlements"),
    path("settlement/<uuid:public_id>/", views.settlement_detail, name="settlement"),
    path("messages/", deeds.message_list, name="messages"),
    path("messages/in/<uuid:public_id>/", deeds.reprocess, name="reprocess"),
    path("messages/out/<uuid:public_id>/", deeds.retry, name="retry"),
    path("platforms/<uuid:public_id>/resume/", deeds.resume, name="resume"),
    path("platforms/<uuid:public_id>/secret/", deeds.rotate_secret, name="rotate-secret"),
    path("audit/", views.audit_list, name="audit"),
    path("stop/", views.global_stop, name="stop"),
]
