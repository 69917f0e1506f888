"""Lines of tasks that wait for a slot: the adapters of ``ports.TaskQueue``."""
