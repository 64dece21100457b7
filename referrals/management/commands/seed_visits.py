"""A crowd of visitors and customers, for measuring: rows by the million, in seconds."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from referrals import terms
from referrals.models import Campaign

# People and codes of the crowd can be told by their names. Spread evenly over 90 days;
# three of four browsers belong to a person. Every constraint and trigger is in force.
_STATEMENTS = {
    "inviters": """
        INSERT INTO accounts_user (id, password, is_superuser, email, name, shows_name,
            is_staff, is_active, date_joined)
        SELECT %(user)s + n, '!', false, 'crowd-' || %(user)s + n || '@example.invalid',
            'Crowd', false, false, true, now() - interval '400 days'
        FROM generate_series(1, %(links)s) n""",
    "links": """
        INSERT INTO referrals_referrallink (id, kind, is_default, label, path,
            disabled_reason, created_at, campaign_id, owner_id)
        SELECT %(link)s + n, 'invite', true, '', '', '', now() - interval '400 days',
            %(campaign)s, %(user)s + n
        FROM generate_series(1, %(links)s) n""",
    "codes": """
        INSERT INTO referrals_code (text, display, kind, is_primary, created_at,
            link_id)
        SELECT 'C' || lpad(upper(to_hex(%(link)s + n)), 9, '0'), '', 'random', true,
            now(), %(link)s + n
        FROM generate_series(1, %(links)s) n""",
    "visitors": """
        INSERT INTO referrals_visitor (id, token_hash, created_at, landed_at,
            confirmed_at)
        SELECT %(visitor)s + n, encode(sha256(('crowd' || %(visitor)s + n)::bytea),
            'hex'), at, at, CASE WHEN n %% 4 > 0 THEN at END
        FROM generate_series(1, %(visits)s) n,
            LATERAL (SELECT now() - interval '90 days' * n / %(visits)s AS at) m""",
    "visits": """
        INSERT INTO referrals_visit (id, visitor_id, link_id, bucket, clicks, first_at,
            last_at, channel, source, medium, utm_campaign, referrer_host,
            referrer_path, landing_path, network, network_hash, agent)
        SELECT %(visit)s + n, %(visitor)s + n, %(link)s + 1 + n %% %(links)s,
            date_bin('30 minutes', at, '2000-01-01'), 1, at, at,
            (array['', 'copy', 'whatsapp', 'email'])[1 + n %% 4], '', '', '',
            'crowd.example', '/', '/r/', '192.0.2.0/24', '', 'Chrome, Android'
        FROM generate_series(1, %(visits)s) n,
            LATERAL (SELECT now() - interval '90 days' * n / %(visits)s AS at) m""",
    "friends": """
        INSERT INTO accounts_user (id, password, is_superuser, email, name, shows_name,
            is_staff, is_active, date_joined)
        SELECT %(user)s + %(links)s + n, '!', false,
            'crowd-' || %(user)s + %(links)s + n || '@example.invalid',
            'Crowd', false, false, true, now() - interval '90 days' * n / %(friends)s
        FROM generate_series(1, %(friends)s) n""",
    "attributions": """
        INSERT INTO referrals_attribution (invitee_id, inviter_id, link_id, visit_id,
            terms_id, method, status, void_reason, channel, touched_at,
            inviter_joined_at, invitee_joined_at, created_at)
        SELECT friend.id, link.owner_id, link.id, visit.id, %(terms)s, 'cookie',
            'active', '', visit.channel, friend.date_joined, inviter.date_joined,
            friend.date_joined, friend.date_joined
        FROM generate_series(1, %(friends)s) n
        JOIN accounts_user friend ON friend.id = %(user)s + %(links)s + n
        JOIN referrals_visit visit
            ON visit.id = %(visit)s + n * (%(visits)s / %(friends)s)
        JOIN referrals_referrallink link ON link.id = visit.link_id
        JOIN accounts_user inviter ON inviter.id = link.owner_id""",
    "lines of the funnel": """
        INSERT INTO referrals_funnelday (link_id, day, channel, visits, visitors,
            confirmed, signups, orders, rewards)
        SELECT link_id, first_at::date, channel, count(*), count(*), 0, 0, 0, 0
        FROM referrals_visit WHERE id > %(visit)s GROUP BY 1, 2, 3
        ON CONFLICT DO NOTHING""",
    # The inviters' and as many guests', long before any friend's: to be looked through.
    "orders": """
        INSERT INTO orders_order (id, code, access_token, user_id, email, language,
            status, currency, amount_goods, amount_discount, amount_shipping,
            amount_tax, amount_total, amount_balance, amount_due, fingerprint,
            shipping_name, shipping_days, placed_at, expires_at, confirmed_at,
            held_because)
        SELECT %(order)s + n, lpad(upper(to_hex(%(order)s + n)), 8, '0'),
            'crowd-' || %(order)s + n, owner,
            'crowd-' || coalesce(owner, -n) || '@example.invalid', 'en',
            'confirmed', %(currency)s, 5000, 0, 0, 0, 5000, 0, 5000, '', 'Standard',
            '', at, at, at, ''
        FROM generate_series(1, %(friends)s) n,
            LATERAL (SELECT now() - interval '300 days' * n / %(friends)s AS at,
                CASE WHEN n %% 2 = 0 THEN %(user)s + 1 + n %% %(links)s END AS owner
            ) m""",
    "addresses": """
        INSERT INTO orders_orderaddress (order_id, name, company, street, city,
            district, region, postal_code, country)
        SELECT %(order)s + n, 'Crowd ' || n, '', 'Street ' || n, 'Town', '', '',
            lpad((n %% 10000)::text, 5, '0'), 'US'
        FROM generate_series(1, %(friends)s) n""",
    "payments": """
        INSERT INTO orders_payment (order_id, idempotency_key, status, amount, currency,
            session_url, session_expires_at, amount_received, card, card_hash,
            last_error, created_at, paid_at)
        SELECT %(order)s + n, 'crowd-' || %(order)s + n, 'paid', 5000, %(currency)s, '',
            now(), 5000, 'Visa ending 4242',
            encode(sha256(('crowd' || %(order)s + n)::bytea), 'hex'), '', now(), now()
        FROM generate_series(1, %(friends)s) n""",
}
_TABLES = {
    "user": "accounts_user",
    "link": "referrals_referrallink",
    "visitor": "referrals_visitor",
    "visit": "referrals_visit",
    "order": "orders_order",
}


class Command(BaseCommand):
    help = "Fill a scratch PostgreSQL database with visitors and orders, to measure."

    def add_arguments(self, parser):
        parser.add_argument("--visits", type=int, default=100_000)
        parser.add_argument("--attributions", type=int, default=10_000)

    def handle(self, *, visits, attributions, **options):
        if settings.PRODUCTION or connection.vendor != "postgresql":
            raise CommandError("This fills a scratch PostgreSQL database, and no shop.")
        if not 0 < attributions <= visits:
            raise CommandError("There is at least one visit for each attribution.")
        campaign = Campaign.objects.get(is_default=True)
        sizes = {
            "visits": visits,
            "friends": attributions,
            "links": max(10, attributions // 10),
            "campaign": campaign.pk,
            "currency": settings.SHOP_CURRENCY,
            "terms": terms.newest(campaign, settings.SHOP_CURRENCY).pk,
        }
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
            for name, table in _TABLES.items():
                cursor.execute(f"SELECT coalesce(max(id), 0) FROM {table}")
                (sizes[name],) = cursor.fetchone()
            for what, statement in _STATEMENTS.items():
                cursor.execute(statement, sizes)
                self.stdout.write(f"{cursor.rowcount} {what}")
            for table in _TABLES.values():
                cursor.execute(
                    f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), "
                    f"(SELECT max(id) FROM {table}))"
                )
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = 0")
            cursor.execute("ANALYZE")
