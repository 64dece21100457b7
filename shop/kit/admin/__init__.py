"""What staff see of outgoing mail, background work and the proofs of the books."""

from shop.kit.admin import messages, proofs, work  # noqa: F401
