"""storeff measures how far data shrinks and carries the result to drives, power and money."""

__version__ = "0.1.0"
