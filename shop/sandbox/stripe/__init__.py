"""A stand-in for Stripe: `core.handle` turns one HTTP request into one reply."""
