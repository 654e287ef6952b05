"""A Django project in one file: GET /me returns the user of the knox token.

Served by gunicorn (``peer:application``); ``python peer.py USERS TOKENS`` creates the tables,
users and tokens, and prints the tokens, one per line.
"""

import os
import sys
from urllib.parse import urlsplit

import django
from django.conf import settings

url = urlsplit(os.environ["DATABASE_URL"])
settings.configure(
    DEBUG=False,
    SECRET_KEY="only-for-benchmarks",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF="peer",
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "rest_framework",
        "knox",
    ],
    # No session, no CSRF, no messages: only what sets Content-Length.
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": url.hostname,
            "PORT": url.port,
            "USER": url.username,
            "NAME": url.path.lstrip("/"),
            # The worker has as many connections as an oi-server.
            "OPTIONS": {"pool": {"min_size": 10, "max_size": 10}},
        }
    },
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": ["knox.auth.TokenAuthentication"],
        "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "DEFAULT_THROTTLE_CLASSES": [],
    },
    REST_KNOX={"AUTH_HEADER_PREFIX": "Bearer", "TOKEN_TTL": None, "AUTO_REFRESH": False},
    LOGGING_CONFIG=None,
)
if __name__ == "__main__":
    sys.modules["peer"] = sys.modules["__main__"]
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework.decorators import api_view  # noqa: E402
from rest_framework.response import Response  # noqa: E402


@api_view(["GET"])
def me(request):
    user = request.user
    return Response(
        {
            "user": {"id": user.pk, "email": user.email, "name": user.first_name},
            "token": {"created": request.auth.created, "expiry": request.auth.expiry},
        }
    )


urlpatterns = [path("me", me)]
application = get_wsgi_application()


def seed(users, tokens):
    from django.contrib.auth import get_user_model
    from django.core.management import call_command
    from django.db import connection
    from knox.models import AuthToken

    call_command("migrate", verbosity=0)
    model = get_user_model()
    people = [
        model.objects.create(
            username=f"user{number}", email=f"user{number}@example.com", first_name=f"User {number}"
        )
        for number in range(users)
    ]
    for number in range(tokens):
        _, token = AuthToken.objects.create(people[number % users])
        print(token)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    connection.close_pool()


if __name__ == "__main__":
    seed(int(sys.argv[1]), int(sys.argv[2]))
