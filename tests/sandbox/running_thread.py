"""A library that runs a thread from the moment it is loaded."""

import threading

threading.Thread(target=threading.Event().wait, daemon=True).start()
