"""The rules of exports: standard library only, no input or output, no clock, no randomness.

Whatever needs the time or a random number takes it as an argument, so every rule can be tested
by calling it.
"""
