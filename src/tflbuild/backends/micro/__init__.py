"""LiteRT for Microcontrollers: its interpreter in a process apart, what it needs of memory, sources for a device."""
