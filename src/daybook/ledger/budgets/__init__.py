"""Budgets, reserved and then settled; and limits per minute that hold across processes.

Invariant, for every hard budget and each of its periods, whenever a reader looks and whatever was killed:

    used + held <= limit + overrun

`used` is what settled calls took, `held` what processes have leased and not yet settled, `overrun` what providers
reported beyond the most that a call could take by its own words (0, unless a provider lies). A limit that is set
below what is used already is the one exception: it refuses every further call.

The way of a call: `bounds` says the most it can take → `keeper` gives a hold from a lease of this process → the call is
sent → `settling` moves what it took from leased to used, in the transaction that inserts its line.
"""
