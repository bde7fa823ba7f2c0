"""Check that a sentence is supported by the events it cites.

Its quotations, dates, times, parts of the day, durations, numbers and Latin names must occur in one of them, in any
form. `check.py` decides; each other module knows one kind. All read folded texts (`lifelog.script.folded`): one width,
one case, Simplified Chinese. Each kind is removed from the text before the next is searched, since *14:05* contains no
number 5.

Anything else, such as the dog's color, is not checked: docs/decisions/0020-diary.md.
"""
