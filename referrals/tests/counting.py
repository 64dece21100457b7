"""Count what a page asks the database: its own questions, not the frame's."""

import re

from django.db import connection
from django.test.utils import CaptureQueriesContext

# The budgets leave these out: transactions, and the rows of session, person and cache.
_FRAME = re.compile(
    r'^(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)|"django_session"|"shop_cache"'
    r'|^SELECT "accounts_user"."id", "accounts_user"."password", [^(]*'
    r' FROM "accounts_user" WHERE "accounts_user"."id" = \d+ LIMIT 21$'
)


class counted(CaptureQueriesContext):
    """`with counted() as asked: …` then `asked.own` lists the statements that count."""

    def __init__(self):
        super().__init__(connection)

    @property
    def own(self) -> list[str]:
        statements = [query["sql"] for query in self.captured_queries]
        return [each for each in statements if not _FRAME.search(each)]
