"""Every address of the product, but /livez and /readyz (vpp/health.py)."""

from django.contrib import admin
from django.contrib.auth.views import LoginView, LogoutView
from django.urls import include, path
from django.views.i18n import set_language
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from market.platforms.webhooks import receive
from vpp.api import urls as api_urls
from vpp.home import home
from vpp.portal import urls as portal_urls
from vpp.staff import urls as staff_urls

urlpatterns = [
    path("", home, name="home"),
    path("login/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("language/", set_language, name="set_language"),
    path("staff/", include(staff_urls)),
    path("portal/", include(portal_urls)),
    path("records/", admin.site.urls),
    path("api/v1/", include(api_urls)),
    path("api/v1/openapi.json", SpectacularAPIView.as_view(), name="schema"),
    path("api/v1/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="api-docs"),
    path("hooks/v1/<slug:platform_code>", receive, name="hooks"),
]
