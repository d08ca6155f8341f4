"""The three runs as lanes, with the explorer's geometry."""
