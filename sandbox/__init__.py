"""Google Cloud on one machine: what `make up` runs the real program against."""
