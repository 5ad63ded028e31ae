"""The assembly: settings, URLs, Celery, pages that span both apps, the park twin."""
