"""Parts of a published version besides its SavedModel: a number, warm-up requests, where it comes from."""
