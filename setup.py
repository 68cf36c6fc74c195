"""Builds the one extension, storeff._native: storeff/_native.pyx over csrc/*.c.

STOREFF_SANITIZE=address,undefined builds it for the sanitizers (tests/test_sanitizers.py).
"""

import os
from glob import glob

from Cython.Build import cythonize
from setuptools import Extension, setup

# Warnings are errors where storeff is developed (a test compiles csrc with -Werror), not where it
# is installed: a later compiler's new warning about generated code must not refuse a user.
WARNINGS = ["-Wall", "-Wextra", "-Wno-unused-function", "-Wno-unused-parameter"]
# The interpreter's own flags carry -g: without -g0 the extension is five times its size.
OPTIMISE = ["-O3", "-g0"]
LINK: list[str] = []

sanitize = os.environ.get("STOREFF_SANITIZE")
if sanitize:
    OPTIMISE = ["-Og", "-g1", "-fno-omit-frame-pointer"]
    OPTIMISE += [f"-fsanitize={sanitize}", "-fno-sanitize-recover=all"]
    LINK = [f"-fsanitize={sanitize}"]

setup(
    ext_modules=cythonize(
        Extension(
            "storeff._native",
            sources=["storeff/_native.pyx", *sorted(glob("csrc/*.c"))],
            depends=sorted(glob("csrc/*.h") + glob("storeff/*.pxi")),
            include_dirs=["csrc"],
            libraries=["m"],
            extra_compile_args=["-std=c11", *WARNINGS, *OPTIMISE],
            extra_link_args=LINK,
        ),
        build_dir="build",
        compiler_directives={"language_level": 3, "embedsignature": True},
    )
)
