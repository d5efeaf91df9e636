"""Themes of an experiment: those that come with the program and those that people made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from insights_core.artifacts.base import EntityClient
from insights_core.artifacts.collection import Collection
from insights_core.artifacts.kinds import THEME
from insights_core.entities.common import Change
from insights_core.entities.theme import Theme
from insights_core.errors import InvalidParameterError, ThemeNotFoundError, mlflow_errors
from insights_core.themes.checks import checked_theme
from insights_core.themes.files import builtin_themes, from_yaml, id_from_name, read_file, to_yaml

SETTINGS = (
    "enabled",
    "schedule",
    "base_filters",
    "sample_rate",
    "sample_seed",
    "max_traces",
    "date_range",
    "model",
    "tag_traces",
    "alert_rules",
)
"""What an experiment may set of a built-in theme; what it asks is the program's and follows its version."""


class ThemeCatalogue(EntityClient):
    """Create, change and read themes.

    Shared args:
        theme_id: The theme's id.
    """

    def list_themes(self, experiment_id: str | None = None) -> list[Theme]:
        """All themes: the built-in ones with the settings of the experiment, then its own, oldest first.

        Raises:
            ExperimentNotFoundError: There is no such experiment.
        """
        kept = {theme.theme_id: theme for theme in self._themes(experiment_id).list()}
        found = {theme_id: _with_settings(theme, kept.get(theme_id)) for theme_id, theme in builtin_themes().items()}
        return list((found | {key: theme for key, theme in kept.items() if key not in found}).values())

    def get_theme(self, theme_id: str, experiment_id: str | None = None) -> Theme:
        """Show one theme with its prompt and history.

        Raises:
            ThemeNotFoundError: There is none with this id; the message names those there are.
        """
        found = {theme.theme_id: theme for theme in self.list_themes(experiment_id)}
        if theme_id not in found:
            raise _missing(theme_id, found)
        return found[theme_id]

    def create_theme(
        self, theme: Theme | Mapping[str, Any], experiment_id: str | None = None, *, author: str | None = None
    ) -> str:
        """Make a theme of the experiment's own.

        Args:
            theme: It, or its fields; without `theme_id` the id is made of its name.

        Returns:
            Its id.

        Raises:
            InvalidParameterError: A field is unknown or wrong, a filter cannot be read, the prompt names an unknown
                placeholder, or the id is taken. Nothing was kept.
        """
        if isinstance(theme, str):
            raise InvalidParameterError(
                "theme is a text; give the fields of a theme, at least a name, or copy one by its id.", field="theme"
            )
        values = theme.model_dump(mode="json") if isinstance(theme, Theme) else dict(theme)
        if not values.get("theme_id"):
            taken = {item.theme_id: item for item in self.list_themes(experiment_id)}
            values["theme_id"] = id_from_name(str(values.get("name") or ""), taken)
        return self._keep(values, experiment_id, author)

    def update_theme(
        self,
        theme_id: str,
        fields: Mapping[str, Any],
        experiment_id: str | None = None,
        *,
        reason: str | None = None,
        author: str | None = None,
    ) -> Theme:
        """Set fields of a theme; what others change at the same time in other fields stays.

        Of a built-in theme only what concerns its running here can be set; copy it to change what it asks.

        Args:
            fields: Field -> new value.
            reason: Why; stays in the history.

        Raises:
            ThemeNotFoundError: There is none with this id.
            InvalidParameterError: A field is unknown or wrong, or is fixed in a built-in theme. Nothing was changed.
        """
        present = self.get_theme(theme_id, experiment_id)
        # The whole is checked, so that a wrong filter is refused with its place.
        checked_theme({**present.model_dump(mode="json"), **fields})
        if builtin := builtin_themes().get(theme_id):
            fixed = [name for name in fields if name not in SETTINGS]
            if fixed:
                raise InvalidParameterError(
                    f"{fixed[0]} of the built-in theme {theme_id!r} cannot be changed; {', '.join(SETTINGS)} can. "
                    f"Make a theme of your own with `mlflow-insights themes copy {theme_id}` and change that.",
                    field=fixed[0],
                )
            if theme_id not in {theme.theme_id for theme in self._themes(experiment_id).list()}:
                self._themes(experiment_id).create(builtin.model_dump(mode="json", exclude=_KEPT), author=author)
        changed = self._themes(experiment_id).update(theme_id, fields, reason=reason, author=author)
        return _with_settings(builtin, changed) if builtin else changed

    def delete_theme(self, theme_id: str, experiment_id: str | None = None) -> None:
        """Delete a theme; a built-in one goes back to how it was.

        Insights that were made with it stay, and say exactly what it was.

        Raises:
            ThemeNotFoundError: There is none with this id.
            InvalidParameterError: It is a built-in one of which nothing is set here.
        """
        kept = {theme.theme_id for theme in self._themes(experiment_id).list()}
        if theme_id in builtin_themes() and theme_id not in kept:
            raise InvalidParameterError(
                f"The theme {theme_id!r} is built in and cannot be deleted. "
                f"Switch it off with `mlflow-insights themes update {theme_id} --field enabled=false`.",
                field="theme_id",
            )
        if theme_id not in kept:
            raise _missing(theme_id, {theme.theme_id: theme for theme in self.list_themes(experiment_id)})
        self._themes(experiment_id).delete(theme_id)

    def copy_theme(
        self,
        theme_id: str,
        new_id: str | None = None,
        name: str | None = None,
        experiment_id: str | None = None,
        *,
        to_experiment_id: str | None = None,
        author: str | None = None,
    ) -> str:
        """Make a theme of the experiment's own from any theme.

        Args:
            theme_id: The theme to copy.
            new_id: Id of the copy; None makes one of its name.
            name: Name of the copy; None adds "(copy)".
            experiment_id: Where the theme is; None takes MLFLOW_EXPERIMENT_ID.
            to_experiment_id: Where the copy goes; None takes the same experiment.

        Returns:
            The id of the copy.

        Raises:
            ThemeNotFoundError: There is none with this id.
            InvalidParameterError: The new id is taken or cannot be an id.
        """
        source = self.get_theme(theme_id, experiment_id)
        values = source.model_dump(mode="json", exclude={*_KEPT, "theme_id"})
        values["name"] = name or f"{source.name} (copy)"
        values["metadata"] = {**source.metadata, "copied_from": theme_id}
        if new_id:
            values["theme_id"] = new_id
        return self.create_theme(values, to_experiment_id or experiment_id, author=author)

    def export_theme(self, theme_id: str, experiment_id: str | None = None, path: str | Path | None = None) -> str:
        """Write a theme as YAML that `import_theme` takes, also to a file where one is named.

        Args:
            path: The file to write.

        Raises:
            ThemeNotFoundError: There is none with this id.
            InvalidParameterError: The file cannot be written.
        """
        text = to_yaml(self.get_theme(theme_id, experiment_id))
        if path is not None:
            try:
                Path(path).write_text(text, encoding="utf-8")
            except OSError as error:
                raise InvalidParameterError(
                    f"The file {str(path)!r} cannot be written: {error.strerror}.", field="path"
                ) from error
        return text

    def import_theme(
        self,
        path: str | Path | None = None,
        experiment_id: str | None = None,
        *,
        text: str | None = None,
        theme_id: str | None = None,
        replace: bool = False,
        author: str | None = None,
    ) -> str:
        """Keep a theme that a YAML file describes.

        Args:
            path: The file; or give its text.
            text: YAML in place of a file.
            theme_id: Another id than the file says.
            replace: Change the theme of the experiment that has this id already.

        Returns:
            Its id.

        Raises:
            InvalidParameterError: It is no theme, or its id is taken and `replace` is not set.
        """
        if (path is None) == (text is None):
            raise InvalidParameterError("Give a file or a text to import, and not both.", field="path")
        theme = read_file(path) if path is not None else from_yaml(text or "")
        if theme_id:
            theme = checked_theme({**theme.model_dump(mode="json"), "theme_id": theme_id})
        known = {item.theme_id for item in self._themes(experiment_id).list()}
        if replace and theme.theme_id in known and theme.theme_id not in builtin_themes():
            fields = theme.model_dump(mode="json", exclude={*_KEPT, "theme_id"})
            self.update_theme(theme.theme_id, fields, experiment_id, reason="imported", author=author)
            return theme.theme_id
        return self._keep(theme.model_dump(mode="json"), experiment_id, author)

    def theme_history(self, theme_id: str, experiment_id: str | None = None) -> list[Change]:
        """Who changed which field of a theme, when, from what, to what, why; oldest first.

        Raises:
            ThemeNotFoundError: There is none with this id.
        """
        return list(self.get_theme(theme_id, experiment_id).history)

    def _themes(self, experiment_id: str | None) -> Collection[Theme]:
        return Collection(self, THEME, experiment_id=experiment_id)

    def _keep(self, values: Mapping[str, Any], experiment_id: str | None, author: str | None) -> str:
        theme = checked_theme({name: value for name, value in values.items() if name not in _KEPT})
        if theme.theme_id in builtin_themes():
            raise InvalidParameterError(
                f"The id {theme.theme_id!r} belongs to a built-in theme; choose another.", field="theme_id"
            )
        with mlflow_errors():
            fields = theme.model_dump(mode="json", exclude=_KEPT)
            return self._themes(experiment_id).create(fields, author=author).theme_id


# What keeping an entity writes itself.
_KEPT = {"created_at", "updated_at", "history"}


def _with_settings(builtin: Theme, kept: Theme | None) -> Theme:
    """A built-in theme with what an experiment has set of it."""
    if kept is None:
        return builtin
    own = {name: getattr(kept, name) for name in (*SETTINGS, *_KEPT)}
    return builtin.model_copy(update=own)


def _missing(theme_id: str, known: Mapping[str, Any]) -> ThemeNotFoundError:
    return ThemeNotFoundError(
        f"There is no theme {theme_id!r}; there are {', '.join(known)}. "
        "List them with `mlflow-insights themes list --experiment-id …`.",
        field="theme_id",
        known=list(known),
    )
