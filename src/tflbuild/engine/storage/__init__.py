"""The store: results by what made them, blobs by what they are; its remote, its keeper and its auditor."""
