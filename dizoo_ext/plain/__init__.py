"""What gets by without DI-engine and torch: environments for everybody's code."""
