"""Methods that people use beside activation patching: today, direct effects."""
