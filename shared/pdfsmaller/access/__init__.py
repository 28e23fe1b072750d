"""Who may do what, and how much of it: API keys, allowances, links that prove themselves, addresses behind proxies.

Nothing here knows HTTP or a store; ``ports`` says what is needed of one.
"""
