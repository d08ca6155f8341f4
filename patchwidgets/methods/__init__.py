"""Methods in addition to activation patching: direct effects."""
