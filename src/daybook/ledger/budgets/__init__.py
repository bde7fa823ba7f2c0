"""Budgets, reserved and then settled.

Invariant, for every hard budget and each of its periods, at every moment and whatever is killed:

    used + held <= limit + overrun

`used` is the usage of settled calls. `held` is leased to processes and not yet settled. `overrun` is usage beyond the
bound of a call (0, unless a provider reports more than its API allows). The one exception is a limit set below `used`:
it refuses every further call.

A call: the gateway bounds its usage → `keeper` reserves that from a lease of the process → the call is sent →
`settling` moves its usage from held to used, in the transaction that inserts its line.
"""
