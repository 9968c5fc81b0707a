"""From YAML and overrides to a typed `Recipe`."""
