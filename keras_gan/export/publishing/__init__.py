"""What a published version has besides its SavedModel: a number, warm-up requests, where it comes from."""
