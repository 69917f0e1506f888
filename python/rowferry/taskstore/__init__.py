"""Stores of tasks' states: the adapters of ``ports.TaskStore``.

``sql`` is the product's; ``memory`` keeps the same contract for tests and for services that may
forget. Importing this package imports neither.
"""
