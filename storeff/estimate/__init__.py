"""How far the data reduces, and how sure that is."""
