"""The one document: its types are the JSON contract, and every format renders it."""
