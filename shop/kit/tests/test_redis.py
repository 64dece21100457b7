"""What many processes share when REDIS_URL is set."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from django.core.cache import cache

from shop.kit import limits

pytestmark = pytest.mark.redis


def test_the_cache_is_redis_here():
    assert "RedisCache" in settings.CACHES["default"]["BACKEND"]


def test_twenty_workers_share_one_limit():
    def one_try(_):
        return limits.allow("door", "203.0.113.7", limit=5, seconds=600)

    with ThreadPoolExecutor(20) as workers:
        let_in = sum(workers.map(one_try, range(20)))

    assert let_in == 5


@pytest.mark.django_db
def test_a_session_is_found_in_redis_before_the_database(client, django_user_model):
    user = django_user_model.objects.create_user("ada@example.com", "a long password")

    client.force_login(user)

    stored = f"django.contrib.sessions.cached_db{client.session.session_key}"
    assert cache.get(stored)["_auth_user_id"] == str(user.pk)
