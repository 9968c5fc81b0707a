"""What a delivered file runs on."""
