"""LiteRT for Microcontrollers: its interpreter in a process apart, what it needs of memory, and sources for a device."""
