"""The command line: what is typed, what is printed, and errors in one line."""

import io
import subprocess
import sys

import pytest

from designbook.systems.leaderboard.__main__ import main


@pytest.fixture
def typed(monkeypatch, capsys):
    """A function that runs the program on lines and gives what it printed."""

    def run(*lines, arguments=()):
        monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(lines)))
        assert main(arguments) == 0
        return capsys.readouterr().out.splitlines()

    return run


def test_a_tournament_can_be_played_by_hand(typed):
    lines = typed("submit ann 5", "submit bob 7 us", "submit ann 9 eu e1", "submit ann 10 eu e1", "top", "top 5 day us")
    assert [line.split()[:3] for line in lines if "counted before" not in line] == [
        ["1", "ann", "5"],
        ["1", "bob", "7"],
        ["1", "ann", "9"],
        ["1", "ann", "9"],
        ["2", "bob", "7"],
        ["1", "bob", "7"],
    ]
    assert "counted before" in lines[3]
    assert typed("submit ann 5", "delete ann", "delete ann", "top")[1:] == [
        "ann is off every board",
        "ann was on no board",
        "nobody yet",
    ]


def test_a_drawn_tournament_shows_its_rate_and_its_first_five(typed):
    lines = typed("tournament 30 100", "around p0 1", "rank p0 week", "quit", "top")
    assert "100 scores" in lines[0]
    assert len(lines) in (8, 9, 10)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("jump", "no command 'jump'"),
        ("submit ann", "expected: submit PLAYER SCORE"),
        ("rank", "expected: rank PLAYER"),
        ("submit ann nan", "score: is not a finite number"),
        ("submit ann -1", "score: is negative"),
        ("submit ann 101", "score: is above 100"),
        ("submit ann x", "score: 'x' is no number"),
        ("submit ann 5 world", "region: "),
        ("rank nobody", "nobody has no score on season:"),
        ("top -1", "count: '-1'"),
        ("top 5 month", "window: is none of day, week, season"),
        ("tournament 0", "players: '0'"),
    ],
)
def test_an_error_is_one_line_that_names_the_field_and_the_next_command_works(typed, line, said):
    error, row = typed(line, "submit bob 5", arguments=["--max-score", "100"])
    assert error.startswith("error: ")
    assert said in error
    assert row.split()[:3] == ["1", "bob", "5"]


def test_a_log_brings_the_scores_back(typed, tmp_path):
    arguments = ["--log", str(tmp_path / "log"), "--policy", "sum"]
    typed("submit ann 5 eu e1", "submit ann 6", arguments=arguments)
    lines = typed("submit ann 5 eu e1", "rank ann", arguments=arguments)
    assert "counted before" in lines[0]
    assert lines[1].split()[:3] == ["1", "ann", "11"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--store", "mysql://x"], "expected memory://"),
        (["--store", "valkey://localhost:1/0"], "Valkey does not answer"),
        (["--store", "valkey://localhost:1/0", "--log", "x"], "--log is for memory://"),
        (["--max-score", "-1"], "max_score"),
    ],
)
def test_what_cannot_begin_says_so_in_one_line(arguments, said, capsys):
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_it_runs_as_a_program():
    command = [sys.executable, "-m", "designbook.systems.leaderboard"]
    done = subprocess.run(command, input="submit ann 5\ntop\n", capture_output=True, text=True, check=True)
    assert [line.split()[:3] for line in done.stdout.splitlines()] == [["1", "ann", "5"]] * 2
