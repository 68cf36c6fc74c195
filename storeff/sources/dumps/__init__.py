"""KV-cache dumps as inference systems write them: one module a family of formats."""
