"""Health of the app for Django, made by migrate-wizard: the first of MIDDLEWARE, because the load balancer asks by address.

A view would stand behind ALLOWED_HOSTS (400 for an address) and SECURE_SSL_REDIRECT (301).
"""

from django.core.cache import cache
from django.db import connection
from django.http import JsonResponse

from .health import health


def _database():
    try:
        with connection.cursor() as cursor:
            cursor.execute("select 1")
    finally:
        connection.close()  # each thread of the checks has its own


def _redis():
    cache.get("health")


class HealthMiddleware:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.path_info == "/api/health":
            status, body = health({"database": _database, "redis": _redis})
            return JsonResponse(body, status=status)
        return self.get_response(request)
