"""`connector lsp` as an editor uses it: the real process, over its pipes."""

import json
import subprocess
import sys
from pathlib import Path

from lsprotocol import types

from tests.language_server.conftest import FILE, Editor, started, stopped
from tests.support.events import event


async def test_problems_are_told_as_one_types(editor: Editor) -> None:
    """Also behind a character that is two in UTF-16, and before the text is saved."""
    assert await editor.open(FILE) == []
    wrong = FILE.replace("=account.bill_status == 'open'", "='\U0001f600' and account.bil_status")
    editor.type(wrong.replace("\n  served", "\n  served"))
    editor.type(wrong)
    (problem,) = await editor.told()
    assert problem.code == "unknown-field"
    assert problem.severity is types.DiagnosticSeverity.Error
    assert "did you mean `bill_status`?" in problem.message
    assert editor.part(problem.range) == "bil_status"
    editor.type(FILE)
    assert await editor.told() == []
    assert not editor.path.exists()


async def test_what_is_no_yaml_is_a_problem_and_completion_goes_on(editor: Editor) -> None:
    await editor.open(FILE)
    editor.type(FILE.replace("when: served", "when: account."))
    await editor.told()
    before, _, after = FILE.partition("{that: sim, because: sim_info is null}, ")
    editor.type(f"{before}{{that: account.{after.partition(']')[2]}")
    (problem,) = await editor.told()
    assert problem.severity is types.DiagnosticSeverity.Error
    assert "bill_status" in await editor.complete("{that: account.|")


async def test_keys_that_are_allowed_are_completed_with_their_meaning(editor: Editor) -> None:
    await editor.open(FILE.replace("    when: served\n", "    \n"))
    rule = await editor.complete("on: SIM/Updated\n    |\n")
    assert {"when", "ignore", "replay", "hold"} <= rule.keys()
    assert not {"on", "name", "that", "base_url"} & rule.keys()
    assert rule["when"].insert_text == "when: "
    documentation = rule["replay"].documentation
    assert isinstance(documentation, types.MarkupContent)
    assert "Whether a replay with a newer snapshot" in documentation.value
    call = await editor.complete("{put: /speed, |json")
    assert {"when", "query", "idempotent"} <= call.keys()


async def test_the_values_of_a_key_are_completed(editor: Editor) -> None:
    await editor.open(FILE)
    assert {"applied", "ignored", "failed"} <= (await editor.complete("outcome: app|lied")).keys()


async def test_names_are_completed_where_they_are_known(editor: Editor) -> None:
    await editor.open(FILE)
    names = await editor.complete("when: |served")
    assert {"account", "event", "open", "served", "settings", "tables"} <= names.keys()
    assert not {"looked", "reply", "item"} & names.keys()
    assert names["account"].detail == "part of the event"
    late = await editor.complete("id: =lo|oked.json.id")
    assert "looked" in late
    assert {"status", "json"} <= (await editor.complete("id: =looked.j|son.id")).keys()
    account = await editor.complete("=open and not account.bl|ocked")
    assert {"blocked", "bill_status", "msisdn"} <= account.keys()
    assert account["blocked"].detail == "true or false"
    assert (await editor.complete("bearer: =settings.k|ey")).keys() == {"url", "key"}
    assert (await editor.complete("tables.s|peeds[")).keys() == {"speeds"}
    assert "open" not in await editor.complete("open: =acc|ount.bill_status")


async def test_filters_and_tests_are_completed(editor: Editor) -> None:
    await editor.open(FILE.replace("=open and not account.blocked", "=account.id | lo"))
    assert "lower" in await editor.complete("=account.id | lo|")
    editor.type(FILE.replace("=open and not account.blocked", "=account.id is d"))
    tests = await editor.complete("=account.id is d|")
    assert {"digits", "imsi"} <= tests.keys()
    assert "lower" in tests
    assert "upper" not in await editor.complete("account.bill_status == 'op|en'")


async def test_hover_has_the_meaning_the_type_and_the_value_in_the_event(editor: Editor) -> None:
    await editor.open(FILE)
    told = await editor.hover("open: =account.bill_|status")
    assert told.startswith("`account.bill_status` (text): ")
    assert "`suspended`" in told
    assert told.endswith('In the event of the first test: `"open"`')
    assert (await editor.hover("imsi: =sim.im|si}")).endswith('`"001010000000007"`')
    assert (await editor.hover("open: =acc|ount.bill")).startswith("`account` (part of the event)")
    served = await editor.hover("when: ser|ved")
    assert "`=open and not account.blocked`" in served
    assert served.endswith("`true`")


async def test_hover_of_settings_keys_and_functions_shows_no_secret(editor: Editor) -> None:
    await editor.open(FILE.replace("=sim.imsi}", "=sim.imsi | lower}"))
    assert "From the secret `CARDS_KEY`" in await editor.hover("bearer: =settings.k|ey")
    assert (await editor.hover("bearer: =settings.k|ey")).endswith('`"***"`')
    assert (await editor.hover("when|: served")) == ""
    assert "Calls, after those of the resources" in await editor.hover("    cal|ls:\n")
    assert (await editor.hover("=sim.imsi | lo|wer")).startswith("`lower` (filter)")
    assert (await editor.hover("name: a SIM ch|anged")) == ""


async def test_hover_has_the_value_in_the_event_that_was_chosen(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text(json.dumps(event(imsi="001010000000009")))
    editor = await started(tmp_path, event="other.json")
    await editor.open(FILE)
    told = await editor.hover("imsi: =sim.im|si}")
    assert told.endswith('In other.json: `"001010000000009"`')
    assert await stopped(editor) == 0


async def test_a_name_leads_to_its_definition(editor: Editor) -> None:
    await editor.open(FILE)
    for marked, defined in {
        "=op|en and not": "open",
        "when: serv|ed": "served",
        "bearer: =settings.k|ey": "key",
        "tables.spe|eds[": "speeds",
        "block: p|ut": "put",
        "=loo|ked.json.id": "id",
    }.items():
        found = await editor.define(marked)
        assert found.uri == editor.uri, marked
        assert editor.part(found.range) == defined
    found = await editor.define("event: event.j|son")
    assert found.uri == (editor.path.parent / "event.json").as_uri()
    assert await editor.define("account.bill_st|atus") is None


async def test_a_problem_is_mended_from_the_editor(editor: Editor) -> None:
    (problem,) = await editor.open(FILE.replace("account.blocked", "account.bloked"))
    params = types.CodeActionParams(
        types.TextDocumentIdentifier(editor.uri),
        problem.range,
        types.CodeActionContext([problem]),
    )
    found = await editor.client.text_document_code_action_async(params)
    assert found
    (action,) = found
    assert isinstance(action, types.CodeAction)
    assert action.title == "Write `blocked`"
    assert action.edit
    assert action.edit.changes
    (edit,) = action.edit.changes[editor.uri]
    assert (editor.part(edit.range), edit.new_text) == ("bloked", "blocked")
    elsewhere = types.Range(types.Position(0, 0), types.Position(0, 1))
    params = types.CodeActionParams(params.text_document, elsewhere, params.context)
    assert not await editor.client.text_document_code_action_async(params)


async def test_a_closed_file_has_no_problems(editor: Editor) -> None:
    assert await editor.open(FILE.replace("account.blocked", "account.bloked"))
    closed = types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(editor.uri))
    editor.client.text_document_did_close(closed)
    assert await editor.told() == []


def test_without_the_extra_the_command_says_what_to_install() -> None:
    code = "import sys; sys.modules.update({'pygls': None, 'pygls.lsp': None}); "
    code += "from connector_tools.cli.__main__ import main; main()"
    result = subprocess.run(
        [sys.executable, "-c", code, "lsp"], capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert result.stderr == (
        "connector: the language server is not installed: pip install 'nsps-connector[lsp]'\n"
    )
