"""KV caches: what their dumps hold, how far they shrink, what sharing and retention cost."""
