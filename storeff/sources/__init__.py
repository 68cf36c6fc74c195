"""Which bytes are there, and safely: walking trees, opening files, naming what they hold."""
