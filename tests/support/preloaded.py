"""What ``support.warm`` forks: storeff with all that its commands import. What is imported here is
imported once, and not by each command."""

import gc
import importlib
import pkgutil

# The first sets what the libraries of the others are to find when they are imported.
import storeff.commands

for _module in pkgutil.walk_packages(storeff.__path__, "storeff."):
    # Sources import libraries that start threads, or that storeff keeps out of its process.
    if not _module.name.startswith("storeff.sources."):
        importlib.import_module(_module.name)
# A fork that looked for garbage among all this would write to every page of it, and so copy it.
gc.collect()
gc.freeze()
