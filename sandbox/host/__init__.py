"""The Python language host of the engine, for machines without the official one."""
