"""storeff sites: where storage can run."""

from storeff.commands.catalogue import listing

command = listing("sites", "the sites with their power, colocation and carbon, each with its date")
