"""The command line: what is typed, what is printed, and errors in one line."""

import io
import subprocess
import sys

import pytest

from designbook.systems.ride_sharing.__main__ import main


@pytest.fixture
def typed(monkeypatch, capsys):
    """A function that runs the program on lines and gives what it printed."""

    def run(*lines, arguments=()):
        monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(lines)))
        assert main(arguments) == 0
        return capsys.readouterr().out.splitlines()

    return run


BEGIN = ("rider ann", "driver dan 48.85 2.35", "quote ann 48.86 2.35 48.9 2.3", "request ann t1", "dispatch")


def test_a_ride_can_be_played_by_hand(typed):
    lines = typed(*BEGIN, "accept dan t1", "arrive dan t1", "current driver dan", "start dan t1", "complete dan t1")
    assert lines == [
        "ann is a rider now",
        "dan is a driver now",
        "dan is at 48.85 2.35",
        "20.02 for 7.5 km and 18 min",
        "t1, version 0: requested",
        "t1, version 1: offered dan",
        "t1, version 2: accepted dan",
        "t1, version 3: arrived dan",
        "t1, version 3: arrived dan",
        "t1, version 4: started dan",
        "t1, version 5: completed dan, 20.02 charged",
    ]


def test_offers_run_out_and_silent_drivers_are_gone_after_a_wait(typed):
    lines = typed(
        *BEGIN, "wait 16", "dispatch", "nearby 48.85 2.35", "wait 15", "nearby 48.85 2.35", "current rider ann"
    )
    assert lines[-5:-3] == ["t1, version 2: requested", "       0 m  dan"]
    assert lines[-2:] == ["nobody", "t1, version 2: requested"]


def test_the_same_request_again_is_the_same_trip_and_one_without_a_name_gets_one(typed):
    lines = typed("rider ann", *BEGIN, "request ann t1", "cancel ann t1", "request ann", "current driver dan")
    assert lines[1] == "ann was known already"
    assert lines[-4:-2] == ["t1, version 1: offered dan", "t1, version 2: cancelled dan"]
    assert lines[-2].endswith(", version 0: requested")
    assert lines[-1] == "dan has no trip"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("jump", "no command 'jump'"),
        ("accept dan", "expected: accept DRIVER TRIP"),
        ("arrive dan", "expected: accept DRIVER TRIP                take an offer; likewise decline, arrive"),
        ("rider", "expected: rider NAME"),
        ("rider é", "rider: must be 1 to 64"),
        ("ping dan nan 2", "lat: must be a number from -90 to 90"),
        ("ping dan x 2", "lat: 'x' is no number"),
        ("ping eve 1 2", "driver: there is no driver 'eve'"),
        ("quote ann 48 2 52 13", "dropoff: must be at most 200 km"),
        ("request bob", "bob has no quote yet"),
        ("nearby 48 2 1e400", "count: '1e400'"),
        ("nearby 48 2 51", "count: must be a whole number from 1 to 50"),
        ("start dan t1", "from offered it goes only to accepted, cancelled, requested"),
        ("accept dan t9", "trip: there is no trip 't9'"),
        ("dispatch 5", "token: 5 is out of date"),
        ("dispatch -5", "token: '-5'"),
        ("current owner ann", "expected: current rider|driver NAME"),
        ("wait -1", "seconds: '-1'"),
        ("wait 86401", "seconds: '86401' is more than a day"),
    ],
)
def test_an_error_is_one_line_that_names_the_field_and_the_next_command_works(typed, line, said):
    *_, error, row = typed(*BEGIN, line, "accept dan t1")
    assert error.startswith("error: ")
    assert said in error
    assert row == "t1, version 2: accepted dan"


def test_trips_are_found_again_where_they_were_stored_and_drivers_must_be_heard_again(typed, tmp_path):
    arguments = ["--store", f"sqlite:///{tmp_path}/trips.db"]
    typed(*BEGIN, arguments=arguments)
    lines = typed("current driver dan", "nearby 48.85 2.35", "accept dan t1", arguments=arguments)
    assert lines == ["t1, version 1: offered dan", "nobody", "t1, version 2: accepted dan"]
    assert typed("current rider ann", arguments=[*arguments, "--city", "lyon"]) == ["t1, version 2: accepted dan"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--store", "mysql://x"], "expected memory://"),
        (["--store", "postgresql://localhost:1/x"], "PostgreSQL does not answer"),
        (["--store", "sqlite:///"], "names no file"),
        (["--locations", "mysql://x"], "expected memory://"),
        (["--city", "p aris"], "city: "),
    ],
)
def test_what_cannot_begin_says_so_in_one_line(arguments, said, capsys):
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_it_runs_as_a_program():
    command = [sys.executable, "-m", "designbook.systems.ride_sharing"]
    done = subprocess.run(command, input="help\nrider ann\nquit\nrider bob", capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("rider NAME")
    assert lines[-1] == "ann is a rider now"
