"""A day's footage: recordings → events → diary.

uploads      receives files, resumable, and verifies them
media        inspects videos and takes frames from them, in child processes with limits
recordings   a video with its time; several files if the camera cut it into chapters
activity     finds where a video changes
events       what happened when
diary        one page a day, written from its events
calendar     an overview of days
sample       a day of sample events
"""
