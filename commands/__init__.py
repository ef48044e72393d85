"""The commands of ``mm1``: one file a group. Each wires functions of the other packages and holds no logic itself."""
