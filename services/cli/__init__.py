"""The command line: one module each for saying facts, reviewing, looking, exports, and running."""

from __future__ import annotations

import click

from . import audit, backup, exports, facts, policies, quarantine, rebuild, replay, review, services, status, texts, web

_ORDER = (
    services.up,
    services.demo,
    facts.import_,
    facts.capture,
    facts.feedback,
    facts.correct,
    review.queue,
    review.show,
    review.approve,
    review.reject,
    review.reopen,
    review.edit,
    texts.redact,
    texts.analyze,
    texts.duplicates,
    status.stats,
    exports.export,
    exports.train,
    exports.exports,
    exports.lineage,
    replay.history,
    replay.replay,
    status.status,
    policies.policy,
    quarantine.quarantine,
    audit.erase,
    audit.verify,
    audit.audit,
    backup.backup,
    backup.restore,
    rebuild.rebuild,
    services.projector,
    exports.exporter,
    web.web,
    web.token,
    web.asyncapi,
)


class _Group(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name="rooflog-server", prog_name="rooflog")
def main() -> None:
    """Turn the daily work of a roofing assistant into training data that can be trusted.

    Every command takes --json (one document on standard output) and --data-dir; exit code 0 means done, 1 it failed,
    2 the input or usage is wrong.
    """


for _command in _ORDER:
    main.add_command(_command)
