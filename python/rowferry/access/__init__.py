"""Who may pass: adapters of ``ports.access``."""
