from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class VppConfig(AppConfig):
    name = "vpp"
    verbose_name = "Virtual power plant"

    def ready(self) -> None:
        from vpp import checks  # noqa: F401  (registers the start-up checks)
        from vpp.celery import TOPICS, app

        app.autodiscover_tasks(TOPICS, force=True)


class VppAdminConfig(AdminConfig):
    default_site = "vpp.admin_site.RecordsSite"
