"""How much the data shrinks, and how sure that is."""
