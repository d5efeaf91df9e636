"""Files of conversations as MLflow traces."""
