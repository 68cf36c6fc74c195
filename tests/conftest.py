"""What all tests share: no property has a deadline, as a loaded machine is no fault of storeff's."""

from hypothesis import settings

settings.register_profile("storeff", deadline=None)
settings.load_profile("storeff")
