"""How many threads a pool of the engine has."""

from __future__ import annotations

import os

WORKERS = max(1, min(4, os.cpu_count() or 1))
