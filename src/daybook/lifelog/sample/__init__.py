"""A sample day of described events, to see a diary before there is any footage."""
