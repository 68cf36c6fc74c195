"""storeff layouts: the layouts that can be sized."""

from storeff.commands.catalogue import listing

command = listing(
    "layouts", "the storage layouts with their code, reserves and what they can remove themselves"
)
