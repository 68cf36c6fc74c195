"""storeff drives: the drives that can be sized with."""

from storeff.commands.catalogue import listing

command = listing("drives", "the drives with capacity, power, and price with its date and source")
