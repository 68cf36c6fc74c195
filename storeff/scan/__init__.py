"""What is in the bytes: one pass that cuts, fingerprints, sketches and counts."""
