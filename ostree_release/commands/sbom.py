"""`sbom`: print the bill of materials of a release (SPDX 2.3)."""

from ..command_line import calls, takes

arguments = takes("image", metavar="VERSION|RING")
run = calls("sbom", "releasing.sbom:sbom", "image")
