"""How fast Opcit is beside others, and by itself: run by hand, not installed."""
