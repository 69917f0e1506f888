"""The composition root of the exports: settings and adapters become use cases.

``Shared`` builds the parts that several use cases stand on, once. Each use case is then a function
of it: ``storage``, ``tasks``, ``runs``, ``requests`` and ``status``. ``exports`` calls them all.
Adapters are opened by ``rowferry.data_directory``, doors by ``rowferry.doors``.
"""

from rowferry.composition.adapters import Adapters
from rowferry.composition.exports import Exports, assemble
from rowferry.composition.limiters import Limiters, limiters_for

__all__ = ["Adapters", "Exports", "Limiters", "assemble", "limiters_for"]
