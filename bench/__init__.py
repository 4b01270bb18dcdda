"""How long previews take, against an empty Pulumi program on the same machine at the same time."""
