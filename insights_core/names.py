"""Every name that is written to MLflow or answered with, each once, with what it means.

A name is the string itself and carries its text. README's tables are made of this list (`python -m
insights_core.reference`), and a test compares it with the source and with what a store really holds.
"""

from __future__ import annotations

ALL: dict[tuple[str, str], Name] = {}
"""(Kind, name as it is shown) -> name, in the order of their definition."""


class Name(str):
    """A name: the string itself.

    Args:
        value: The string.
        kind: Where it stands, for example "run tag".
        text: What it says, in one line.
        rest: What follows the string where it is the beginning of many names, for example ".{theme_id}".
    """

    __slots__ = ("kind", "rest", "text")

    kind: str
    text: str
    rest: str

    def __new__(cls, value: str, kind: str, text: str, rest: str = "") -> Name:
        name = super().__new__(cls, value)
        name.kind, name.text, name.rest = kind, text, rest
        ALL[kind, name.shown] = name
        return name

    @property
    def shown(self) -> str:
        """As tables show it, with what may follow in braces."""
        return f"{self}{self.rest}"


RUN_TAG, TRACE_TAG, EXPERIMENT_TAG = "run tag", "trace tag", "experiment tag"
ASSESSMENT, ASSESSMENT_METADATA = "assessment", "assessment metadata"
ARTIFACT, RUN_NAME, PARAM, METRIC = "artifact", "run name", "run param", "run metric"
ERROR_CODE, SETTING, JOB_VARIABLE = "error code", "setting", "variable of a job's process"
OF_MLFLOW = "MLflow's own"

# Runs
PARENT_RUN_NAME = Name("Insights", RUN_NAME, "The one run of an experiment that holds its issues and themes.")
TYPE_TAG = Name(
    "mlflow.insights.type",
    RUN_TAG,
    "`parent`, `analysis` or `insight`; `parent-candidate` while processes agree on the parent.",
)
NAME_TAG = Name("mlflow.insights.name", RUN_TAG, "What people call the analysis or the insight.")
PARENT_TAG = Name("mlflow.insights.parent", RUN_TAG, "`true` on the parent run.")
PARENT_VERDICT = Name("insights.parent", PARAM, "How processes that started at once agreed on the parent run.")
REVISION_TAG = Name(
    "mlflow.insights.revision",
    RUN_TAG,
    "JSON for lists and watchers: revision, title, status and counts of one entity.",
    ".{kind}[.{id}]",
)
INSTRUCTION_TAG = Name("mlflow.insights.instruction", RUN_TAG, "What the insight was asked.")
DESCRIPTION_TAG = Name("mlflow.insights.description", RUN_TAG, "The insight's description.")
MODEL_TAG = Name("mlflow.insights.model", RUN_TAG, "The insight's model, or `offline`.")
THEME_TAG = Name("mlflow.insights.theme_id", RUN_TAG, "The insight's theme.")
TRACES_TAG = Name("mlflow.insights.trace_count", RUN_TAG, "Traces in the insight's result; while it runs, to read.")
CLUSTERS_TAG = Name("mlflow.insights.cluster_count", RUN_TAG, "Leaf clusters in the insight's result.")
PROGRESS_TAG = Name(
    "mlflow.insights.progress", RUN_TAG, "JSON of a job: stage, done, total, cost, sign of life, message."
)
CANCEL_TAG = Name("mlflow.insights.cancel", RUN_TAG, "Somebody asked the job to stop.")
LEASE_TAG = Name("mlflow.insights.lease", RUN_TAG, "Which process owns the job: a token and when it was claimed.")
WORKER_TAG = Name("mlflow.insights.worker", RUN_TAG, "JSON of the job's process: place, process id, start.")

# Artifacts
ANALYSIS_ARTIFACT = Name("insights/analysis.yaml", ARTIFACT, "An analysis, in its own run.")
HYPOTHESIS_ARTIFACT = Name("insights/hypothesis_{id}.yaml", ARTIFACT, "A hypothesis, in its analysis run.")
ISSUE_ARTIFACT = Name("insights/issue_{id}.yaml", ARTIFACT, "An issue, in the parent run.")
THEME_ARTIFACT = Name("insights/theme_{id}.yaml", ARTIFACT, "A theme of the experiment's own, in the parent run.")
ALERT_ARTIFACT = Name("insights/alert_{id}.yaml", ARTIFACT, "An alert about a topic of a theme, in the parent run.")
CHANGES_ARTIFACT = Name(
    "insights/{entity}.changes-{revision}.json",
    ARTIFACT,
    "All changes of the entity beside it, so that no update is lost; no reader needs it.",
)
SPEC_ARTIFACT = Name("insights/insight.yaml", ARTIFACT, "What an insight was asked, prompt text and model included.")
SAMPLE_ARTIFACT = Name("insights/sample.json", ARTIFACT, "The traces that an insight reads, for a job that is resumed.")
LOG_ARTIFACT = Name("insights/job.log", ARTIFACT, "The traceback of a job that met an error it does not know.")
DETAILS_ARTIFACT = Name(
    "mlflow_insights_cluster_details.json",
    ARTIFACT,
    "An insight's result: clusters, every trace with its cluster and place on the map, trust figures.",
)

# Params and metrics of insight runs, for MLflow's own pages
INSTRUCTION_PARAM = Name("instruction", PARAM, "What the insight was asked.")
MODEL_PARAM = Name("model", PARAM, "Its model, or `offline`.")
METHOD_PARAM = Name("clustering_method", PARAM, "How vectors became clusters.")
SEED_PARAM = Name("seed", PARAM, "The seed of the clustering.")
TRACES_METRIC = Name("traces", METRIC, "Traces that were summarised.")
MATCHING_METRIC = Name("matching_traces", METRIC, "Traces that match, before sampling.")
SKIPPED_METRIC = Name("skipped", METRIC, "Traces left out, each with its reason in the result.")
IRRELEVANT_METRIC = Name("irrelevant", METRIC, "Traces that were read and do not concern the theme.")
CLUSTERS_METRIC = Name("clusters", METRIC, "Leaf clusters.")
OUTLIERS_METRIC = Name("outliers", METRIC, "Traces that fit no topic.")
COVERAGE_METRIC = Name("coverage", METRIC, "Share of the summarised traces that are in a cluster.")
SILHOUETTE_METRIC = Name("silhouette", METRIC, "How far clusters are apart: 1 well, 0 not at all.")
STABILITY_METRIC = Name(
    "stability_ari", METRIC, "How alike the clusters of repeated samples are: 1 the same, 0 chance."
)
CHECKED_METRIC = Name("claims_checked", METRIC, "Claims of summaries whose lines were looked up.")
CONFIRMED_METRIC = Name("claims_confirmed", METRIC, "Of these, claims that held.")
COST_METRIC = Name("cost_usd", METRIC, "What the job spent.")
INPUT_METRIC = Name("input_tokens", METRIC, "Tokens sent to the model.")
OUTPUT_METRIC = Name("output_tokens", METRIC, "Tokens that the model wrote.")
DURATION_METRIC = Name("duration_s", METRIC, "Seconds from start to result.")

# Traces
SUMMARY_ASSESSMENT = Name(
    "mlflow.insights.summary",
    ASSESSMENT,
    "A trace's summary; a theme's own has the theme's id behind it.",
    "[.{theme_id}]",
)
CLUSTER_TAG = Name("mlflow.insights.cluster_id", TRACE_TAG, "The trace's cluster in the latest insight.")
THEME_CLUSTER_TAG = Name(
    "mlflow.insights.theme",
    TRACE_TAG,
    "The trace's cluster in the latest run of a theme, where the theme says `tag_traces`.",
    ".{theme_id}",
)
IMPORT_FORMAT_TAG = Name("mlflow.insights.import.format", TRACE_TAG, "The format that the trace was imported from.")
IMPORT_TIMES_TAG = Name("mlflow.insights.import.times", TRACE_TAG, "`made up` where the file has no times.")
IMPORT_DURATIONS_TAG = Name("mlflow.insights.import.durations", TRACE_TAG, "`made up` where the file has no durations.")
IMPORT_TOKENS_TAG = Name(
    "mlflow.insights.import.tokens", TRACE_TAG, "How token counts were made up, where the file has none."
)
IMPORT_HISTORY_TAG = Name(
    "mlflow.insights.import.history", TRACE_TAG, "What model calls show of the conversation before them."
)
ISSUE_KEY = Name("mlflow.insights.issue_id", ASSESSMENT_METADATA, "The issue that logged this assessment.")
AUTHOR_KEY = Name("mlflow.insights.author", ASSESSMENT_METADATA, "Who logged it.")

# Experiments
DEMO_TAG = Name("mlflow.insights.demo", EXPERIMENT_TAG, "JSON of the demo that was loaded: version, seed, traces.")
SEEN_TAG = Name("mlflow.insights.seen_at", EXPERIMENT_TAG, "Up to when all news on Home was marked as seen.")

OWN_NAMESPACE = "mlflow.insights."
"""What all our tags and assessments begin with."""

# Names of MLflow that more than one room reads or writes
SESSION_KEY = Name("mlflow.trace.session", OF_MLFLOW, "The conversation that a trace belongs to.")
USER_KEY = Name("mlflow.trace.user", OF_MLFLOW, "Who was served.")
TOKENS_KEY = Name("mlflow.trace.tokenUsage", OF_MLFLOW, "Tokens of a trace.")
COST_KEY = Name("mlflow.trace.cost", OF_MLFLOW, "Cost of a trace.")
SIZES_KEY = Name("mlflow.trace.sizeStats", OF_MLFLOW, "Number of spans and bytes of a trace.")
SPANS_TAG = Name("mlflow.trace.spansLocation", OF_MLFLOW, "Where spans are; absent where none were written.")
TRACE_NAME_TAG = Name("mlflow.traceName", OF_MLFLOW, "A trace's name.")
REQUEST_ID_ATTRIBUTE = Name("mlflow.traceRequestId", OF_MLFLOW, "The trace's id on each of its spans.")
PARENT_RUN_TAG = Name("mlflow.parentRunId", OF_MLFLOW, "The run that a run is nested in.")
USER_TAG = Name("mlflow.user", OF_MLFLOW, "Who created a run.")

# Error codes
INTERNAL_ERROR = Name("INTERNAL_ERROR", ERROR_CODE, "500: a broken artifact, a model that failed, or a fault of ours.")
INVALID_PARAMETER_VALUE = Name("INVALID_PARAMETER_VALUE", ERROR_CODE, "400: the caller gave something unusable.")
RESOURCE_DOES_NOT_EXIST = Name("RESOURCE_DOES_NOT_EXIST", ERROR_CODE, "404: what was named does not exist.")
PERMISSION_DENIED = Name("PERMISSION_DENIED", ERROR_CODE, "403: MLflow refuses this user.")
TIMEOUT = Name("TIMEOUT", ERROR_CODE, "504: a server did not answer or broke.")
RATE_LIMITED = Name(
    "RATE_LIMITED", ERROR_CODE, "429: the model's endpoint, after all retries; or a full queue of cards."
)

# How a job's process is told what it works on
TOKEN_VARIABLE = Name("INSIGHTS_JOB_TOKEN", JOB_VARIABLE, "Tells two resumed processes apart; it opens nothing.")
HEADERS_VARIABLE = Name("INSIGHTS_JOB_HEADERS", JOB_VARIABLE, "What MLflow's client sends with each request.")
