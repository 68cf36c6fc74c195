"""KV caches: what their dumps hold, their data reduction, what sharing and retention cost."""
