"""For whoever builds on the programme: a kit for their tests, and the drill of ours."""
