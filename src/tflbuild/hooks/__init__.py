"""Who watches a build."""
