"""storeff indices: what is reported of prices, by quarter."""

from storeff.commands.catalogue import listing

command = listing("indices", "what is reported of prices by quarter: changes, prices and ratios")
