"""Generated from proto/rowferry/v1 and committed; `just proto` writes it, nobody edits it."""
