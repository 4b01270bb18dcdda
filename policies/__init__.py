"""The policy pack: reads what the engine is about to create, asks `rules`, reports. No fact about GKE stands here."""
