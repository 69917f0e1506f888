"""``rowferry doctor``: whether a service with these settings could do its work here, and now."""
