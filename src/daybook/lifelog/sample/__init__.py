"""A sample day: events that are described already, for whoever wants to see a diary before there is any footage."""
