"""Methods beside activation patching: direct effects."""
