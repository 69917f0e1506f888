"""Python's own writers; a module for each library, imported only when it is measured."""
