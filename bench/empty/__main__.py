"""A Pulumi program that declares nothing: what a preview costs before there is anything to preview."""
