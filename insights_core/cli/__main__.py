"""`python -m insights_core.cli` is the same as `mlflow-insights`."""

from insights_core.cli import main

if __name__ == "__main__":
    main(prog_name="mlflow-insights")
