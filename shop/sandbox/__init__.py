"""The stand-ins of development: Stripe and a mailbox, in one SQLite file.

Nothing here imports the shop, and nothing in the shop imports this package: the
shop reaches Stripe through `STRIPE_API_BASE` and the mailbox through
`EMAIL_BACKEND`, so both can be replaced by the real thing without a code change.
"""
