"""What all tests share: how Hypothesis runs."""

import os

from hypothesis import settings

# No deadlines: a shared machine's pauses are no property of the code.
settings.register_profile("local", deadline=None)
# The same examples on every run, so that a red build stays red until it is mended.
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")
