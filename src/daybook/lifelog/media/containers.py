"""The formats that are opened: containers of videos.

No playlist (HLS, DASH, concat) is among them, whose lines name other files and addresses, and no format that is a
program, such as lavfi.
"""

CONTAINERS = "mov,matroska,avi,mpegts,mpeg,flv,asf,ogg,mxf,dv"
"""As ffmpeg calls them, for its option `format_whitelist`."""
