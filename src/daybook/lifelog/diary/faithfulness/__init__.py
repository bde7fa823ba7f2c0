"""True if a sentence says only what the events that it cites say.

Its quotations, dates, times, parts of the day, lengths of time, numbers and Latin names must be in one of them, in
whatever form: `check.py` decides, the other files each know one kind. All of them read folded texts
(`lifelog.script.folded`): one width, one case, Chinese in Simplified characters. Each kind is taken out of the text
before the next is looked for, since in *14:05* there is no number 5.

What cannot be found out this way - whether the dog was brown - is not checked: docs/decisions/0020-diary.md.
"""
