"""The MLflow app plugin: `mlflow server --app-name insights`."""

BASE_PATH = "/3.0/mlflow/traces/insights"
