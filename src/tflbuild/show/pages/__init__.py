"""Pages for people: a report and a sweep's summary as one file of HTML each."""
