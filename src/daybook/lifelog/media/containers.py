"""Container formats that are opened.

Playlists (HLS, DASH, concat) are excluded, since their lines name other files and addresses, and so are formats that
are programs, such as lavfi.
"""

CONTAINERS = "mov,matroska,avi,mpegts,mpeg,flv,asf,ogg,mxf,dv"
"""As ffmpeg calls them, for its option `format_whitelist`."""
