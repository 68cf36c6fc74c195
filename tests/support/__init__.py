"""What several tests need: made data, the slow twin of csrc, storeff as a process."""
