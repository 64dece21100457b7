"""A crowd of visitors and customers, for measuring: rows by the million, in minutes."""

from datetime import timedelta

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from referrals import retention, rollup, terms
from referrals.models import Campaign

QUARTER = 90

# People and codes of the crowd can be told by their names. It is as a shop looks that
# forgets in time: friends joined over a quarter, and whoever only looked did so since
# yesterday's purge. A few links are in everybody's mouth and most are hardly opened.
# Three of four browsers belong to a person, one of three friends bought. Every
# constraint and trigger is in force, and the books are in order.
_STATEMENTS = {
    "inviters": """
        INSERT INTO accounts_user (id, password, is_superuser, email, name, shows_name,
            is_staff, is_active, date_joined)
        SELECT %(user)s + n, '!', false, pg_temp.crowd_email(%(user)s + n),
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
    # By their hashes: an index of hashes is filled from its start to its end.
    "visitors": """
        INSERT INTO referrals_visitor (id, token_hash, created_at, landed_at,
            confirmed_at)
        SELECT %(visitor)s + n, token, at, at, CASE WHEN n %% 4 > 0 THEN at END
        FROM crowd_visit, LATERAL (SELECT encode(sha256(
            ('crowd' || %(visitor)s + n)::bytea), 'hex') AS token) m
        ORDER BY token""",
    "visits": """
        INSERT INTO referrals_visit (id, visitor_id, link_id, bucket, clicks, first_at,
            last_at, channel, source, medium, utm_campaign, referrer_host,
            referrer_path, landing_path, network, network_hash, agent)
        SELECT %(visit)s + n, %(visitor)s + n, %(link)s + 1 + place,
            date_bin('30 minutes', at, '2000-01-01'), 1, at, at,
            (array['', 'copy', 'whatsapp', 'email'])[1 + n / 7 %% 4], '', '', '',
            'crowd.example', '/', '/r/', '192.0.2.0/24', '', 'Chrome, Android'
        FROM crowd_visit ORDER BY n""",
    "friends": """
        INSERT INTO accounts_user (id, password, is_superuser, email, name, shows_name,
            is_staff, is_active, date_joined)
        SELECT %(user)s + %(links)s + n, '!', false,
            pg_temp.crowd_email(%(user)s + %(links)s + n), 'Crowd', false, false, true,
            at
        FROM crowd_visit WHERE n <= %(friends)s""",
    "attributions": """
        INSERT INTO referrals_attribution (invitee_id, inviter_id, link_id, visit_id,
            terms_id, method, status, void_reason, channel, touched_at,
            inviter_joined_at, invitee_joined_at, created_at)
        SELECT friend.id, link.owner_id, link.id, visit.id, %(terms)s, 'cookie',
            'active', '', visit.channel, friend.date_joined, inviter.date_joined,
            friend.date_joined, friend.date_joined
        FROM generate_series(1, %(friends)s) n
        JOIN accounts_user friend ON friend.id = %(user)s + %(links)s + n
        JOIN referrals_visit visit ON visit.id = %(visit)s + n
        JOIN referrals_referrallink link ON link.id = visit.link_id
        JOIN accounts_user inviter ON inviter.id = link.owner_id""",
    # The inviters' and as many guests', long before any friend's: to be looked through.
    # Then the friends' own, a day after they joined.
    "orders": """
        INSERT INTO orders_order (id, code, access_token, user_id, email, language,
            status, currency, amount_goods, amount_discount, amount_shipping,
            amount_tax, amount_total, amount_balance, amount_due, fingerprint,
            shipping_name, shipping_days, placed_at, expires_at, confirmed_at,
            held_because)
        SELECT %(order)s + n, lpad(upper(to_hex(%(order)s + n)), 8, '0'),
            'crowd-' || %(order)s + n, owner,
            pg_temp.crowd_email(coalesce(owner, -n)), 'en',
            'confirmed', %(currency)s, 5000, 0, 0, 0, 5000, 0, 5000, '', 'Standard',
            '', at, at, at, ''
        FROM (
            SELECT n, now() - interval '1 year' + interval '200 days' * n / %(friends)s,
                CASE WHEN n %% 2 = 0 THEN %(user)s + 1 + n %% %(links)s END
            FROM generate_series(1, %(friends)s) n
            UNION ALL
            SELECT %(friends)s + n, least(now(), at + interval '1 day'),
                %(user)s + %(links)s + n
            FROM crowd_visit WHERE n <= %(friends)s AND n %% 3 = 0
        ) placed (n, at, owner)""",
    "addresses": """
        INSERT INTO orders_orderaddress (order_id, name, company, street, city,
            district, region, postal_code, country)
        SELECT id, 'Crowd ' || id, '', 'Street ' || id, 'Town', '', '',
            lpad((id %% 10000)::text, 5, '0'), 'US'
        FROM orders_order WHERE id > %(order)s""",
    "payments": """
        INSERT INTO orders_payment (order_id, idempotency_key, status, amount, currency,
            session_url, session_expires_at, amount_received, card, card_hash,
            last_error, created_at, paid_at)
        SELECT id, 'crowd-' || id, 'paid', 5000, %(currency)s, '',
            now(), 5000, 'Visa ending 4242',
            encode(sha256(('crowd' || id)::bytea), 'hex'), '', now(), now()
        FROM orders_order WHERE id > %(order)s""",
    "rewards": """
        INSERT INTO referrals_reward (attribution_id, order_id, recipient_id, amount,
            amount_reversed, currency, is_only, state, sequence, reason, available_at,
            released_at, amount_frozen, waived_because, created_at)
        SELECT friend.id, bought.id, friend.inviter_id, 500, 0, %(currency)s, true,
            'available', 1, '', bought.confirmed_at, bought.confirmed_at, 0, '',
            bought.confirmed_at
        FROM orders_order bought
        JOIN referrals_attribution friend ON friend.invitee_id = bought.user_id
        WHERE bought.id > %(order)s + %(friends)s""",
    "settlements": """
        INSERT INTO referrals_settlement (order_id, attribution_id, reward_id, reason,
            last_event, settled_at)
        SELECT order_id, attribution_id, id, '', 0, released_at
        FROM referrals_reward WHERE order_id > %(order)s + %(friends)s""",
    "account of the shop": """
        INSERT INTO accounts_ledgeraccount (kind, currency)
        VALUES ('programme_cost', %(currency)s) ON CONFLICT DO NOTHING""",
    "wallets": """
        INSERT INTO accounts_ledgeraccount (owner_id, kind, currency, balance)
        SELECT DISTINCT recipient_id, 'wallet', %(currency)s, 0
        FROM referrals_reward WHERE order_id > %(order)s + %(friends)s""",
    "transfers": """
        INSERT INTO accounts_transfer (key, debit_id, credit_id, amount, currency, kind,
            reference, reason, created_at)
        SELECT 'reward:' || reward.id || ':1', cost.id, wallet.id, reward.amount,
            %(currency)s, 'reward', '', 'A friend bought', reward.released_at
        FROM referrals_reward reward
        JOIN accounts_ledgeraccount cost
            ON cost.kind = 'programme_cost' AND cost.currency = %(currency)s
        JOIN accounts_ledgeraccount wallet
            ON wallet.owner_id = reward.recipient_id AND wallet.kind = 'wallet'
            AND wallet.currency = %(currency)s
        WHERE reward.order_id > %(order)s + %(friends)s""",
    "balances": """
        UPDATE accounts_ledgeraccount wallet SET balance = total
        FROM (
            SELECT credit_id, sum(amount) AS total FROM accounts_transfer
            WHERE kind = 'reward' GROUP BY 1
        ) paid
        WHERE paid.credit_id = wallet.id""",
}
# Three of four have a mailbox where everybody has one.
_EMAIL = """
    CREATE OR REPLACE FUNCTION pg_temp.crowd_email(id bigint) RETURNS text
    IMMUTABLE LANGUAGE sql AS $$ SELECT 'crowd-' || id || '@' || CASE WHEN id % 4 = 0
        THEN abs(id) % 5000 || '.example.invalid' ELSE 'example.com' END $$"""
# Which link each visit goes to, and when: the friends' first.
_PLAN = """
    CREATE TEMPORARY TABLE crowd_visit ON COMMIT DROP AS
    SELECT n, (%(links)s * random() ^ 3)::int %% %(links)s AS place,
        CASE WHEN n <= %(friends)s
            THEN now() - interval '1 day' * %(quarter)s * n / %(friends)s
            ELSE now() - interval '1 day' * %(kept)s * (n - %(friends)s)
                / (%(visits)s - %(friends)s + 1)
        END AS at
    FROM generate_series(1, %(visits)s) n"""
# The days before those whose visits are still here are like the ones after.
_OLDER = """
    INSERT INTO {table} (day, {columns})
    SELECT day - {kept} * n, {columns} FROM {table}, generate_series(1, 2) n
    WHERE day > CURRENT_DATE - {kept} AND day <= CURRENT_DATE
        AND day - {kept} * n > CURRENT_DATE - {quarter}
    ON CONFLICT DO NOTHING"""
_DAILY = {
    "referrals_funnelday": ("link_id", "channel", *rollup.COUNTS),
    "referrals_campaignday": (
        "campaign_id",
        "kind",
        "channel",
        "previews",
        *rollup.COUNTS,
    ),
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
        kept = (rollup.today() - rollup.day_of(retention.visits_since())).days + 1
        sizes = {
            "visits": visits,
            "friends": attributions,
            "links": max(10, attributions // 10),
            "campaign": campaign.pk,
            "currency": settings.SHOP_CURRENCY,
            "terms": terms.newest(campaign, settings.SHOP_CURRENCY).pk,
            "kept": kept,
            "quarter": QUARTER,
        }
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = 0")
            for name, table in _TABLES.items():
                cursor.execute(f"SELECT coalesce(max(id), 0) FROM {table}")
                (sizes[name],) = cursor.fetchone()
            cursor.execute("SELECT setseed(0.5)")
            cursor.execute(_EMAIL)
            cursor.execute(_PLAN, sizes)
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
        days = rollup.roll_up_since(rollup.today() - timedelta(days=kept))
        with connection.cursor() as cursor:
            for table, columns in _DAILY.items():
                names = ", ".join(columns)
                cursor.execute(
                    _OLDER.format(
                        table=table, columns=names, kept=kept, quarter=QUARTER
                    )
                )
            cursor.execute("ANALYZE")
        self.stdout.write(f"{days} days rolled up, and as many before that are alike")
