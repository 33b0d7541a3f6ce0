"""The machinery of the trainers: from flags to a finished run folder."""
