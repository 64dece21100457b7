"""Whoever pulls the plugs: kills web server and worker while people shop."""

import random
import threading
import time
from collections import Counter
from contextlib import closing

from shop.sandbox.stripe import store
from shop.tests.crash.browsers import Pulse
from shop.tests.crash.shops import Shop, wait_for

# So many answers between two kills: about thirty kills in two hundred purchases.
FEWEST, MOST = 40, 80
LONGEST_PAUSE_SECONDS = 0.3
# Half of the kills wait this long for the worst moment: what was just done outside, at
# Stripe or by mail, is not written down here yet.
AIMING_SECONDS = 2
OUTSIDE = {
    "web": "SELECT max(seq) FROM object WHERE kind IN ('checkout.session', 'refund')",
    "worker": "SELECT max(id) FROM mail",
}


class Chaos:
    """Kills by the crowd's pulse, not by the clock: a slow machine sees as many."""

    def __init__(self, shop: Shop, pulse: Pulse, chance: random.Random):
        self.shop = shop
        self.pulse = pulse
        self.chance = chance
        self.kills = Counter()
        self.failure = None
        self._thread = threading.Thread(target=self._rage, daemon=True)

    def __enter__(self):
        self._thread.start()

    def __exit__(self, *failed):
        # Whatever happened: nothing is started again once the shop is taken down.
        self.pulse.close()
        self._thread.join()
        if self.failure and not any(failed):
            raise self.failure

    def strike(self) -> None:
        """Kill one of them within a moment, and start it again."""
        name = self.chance.choice(["web", "worker"])
        process = getattr(self.shop, name)
        if self.chance.random() < 0.5:
            self._aim(OUTSIDE[name])
        else:
            time.sleep(self.chance.uniform(0, LONGEST_PAUSE_SECONDS))
        process.kill()
        self.kills[name] += 1
        process.start()
        if name == "web":
            wait_for(f"{self.shop.address}/healthz")

    def _aim(self, latest):
        """Until something new is there, but not for ever."""
        until = time.monotonic() + AIMING_SECONDS
        with closing(store.connect(self.shop.env["SANDBOX_DB"])) as db:
            before = db.execute(latest).fetchone()[0]
            while db.execute(latest).fetchone()[0] == before:
                if time.monotonic() > until:
                    return
                time.sleep(0.0005)

    def _rage(self):
        try:
            next_at = self.chance.randint(FEWEST, MOST)
            while self.pulse.wait_for(next_at):
                self.strike()
                next_at = self.pulse.count + self.chance.randint(FEWEST, MOST)
        except Exception as error:
            self.failure = error
