"""Machinery for reading answers, without knowledge of any API: JSON of unknown shape, recorded streams, the end of
passing streams, provider errors, and values fit for the database.

Nothing here raises for malformed answers, and everything takes time proportional to their size.
"""
