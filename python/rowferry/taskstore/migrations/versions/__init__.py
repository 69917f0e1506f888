"""The changes; ``schema.REVISIONS`` names them in their order."""
