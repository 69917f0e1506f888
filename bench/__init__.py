"""What the service costs, and what others cost, measured in one run: see ``just bench``."""
