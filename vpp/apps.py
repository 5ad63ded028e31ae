from django.apps import AppConfig, apps
from django.contrib.admin.apps import AdminConfig


class VppConfig(AppConfig):
    name = "vpp"
    verbose_name = "Virtual power plant"

    def ready(self) -> None:
        from vpp import checks  # noqa: F401  (registers the start-up checks)
        from vpp.celery import TOPICS, app
        from vpp.texts.records import name_records

        app.autodiscover_tasks(TOPICS, force=True)
        name_records(apps.get_app_configs(), apps.get_models())


class VppAdminConfig(AdminConfig):
    default_site = "vpp.admin_site.RecordsSite"
