"""A day's footage: recordings → events → diary.

uploads      bytes arrive, resumable, and are checked
media        what is in a file: probing, thumbnails, previews, always in a child with limits
recordings   a video with its time; several files where a camera cut it into chapters
activity     where something changes in a video
events       what happened when
diary        a day's page, written from its events
sample       a day of events to begin with
"""
