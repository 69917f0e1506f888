"""Changes of the schema, one file each in ``versions``; a released one is never edited."""
