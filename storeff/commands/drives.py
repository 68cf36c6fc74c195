"""storeff drives: the drives that can be sized with."""

from storeff.commands.catalogue import listing

command = listing("drives", "the drives, and what they cost: range, a terabyte, basis, age, source")
