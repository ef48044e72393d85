"""MM1-style multimodal models (arXiv 2403.09611): network, data loader, training, evaluation."""
