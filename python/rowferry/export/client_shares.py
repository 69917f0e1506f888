"""How many exports of one client run at once: the next ones wait in line."""

from collections import Counter

from rowferry.ports import ClientRulesSource, TaskQueue


class ClientShares:
    """Counts this node's runs by client, and holds those back in the queue who have enough.

    Who waits keeps its place: ``domain.fairness`` charges nobody for waiting.
    """

    def __init__(self, rules: ClientRulesSource, queue: TaskQueue) -> None:
        self._rules = rules
        self._queue = queue
        self._running: Counter[str] = Counter()

    def started(self, client: str) -> None:
        """Count a run; the client's last one that may run beside the others holds its tasks."""
        self._running[client] += 1
        if not self._may_run_more(client):
            self._queue.hold(client)

    def ended(self, client: str) -> None:
        """Count a run out."""
        self._running[client] -= 1
        if self._may_run_more(client):
            self._queue.release(client)
        if not self._running[client]:
            del self._running[client]

    def _may_run_more(self, client: str) -> bool:
        limit = self._rules.rules(client).max_running
        return not limit or self._running[client] < limit
