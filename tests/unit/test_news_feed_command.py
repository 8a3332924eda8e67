"""The command line: what is typed, what is printed, and errors in one line."""

import io
import subprocess
import sys

import pytest

from designbook.systems.news_feed.__main__ import main


@pytest.fixture
def typed(monkeypatch, capsys):
    """A function that runs the program on lines and gives what it printed."""

    def run(*lines, arguments=()):
        monkeypatch.setattr("sys.stdin", io.StringIO("\n".join(lines)))
        assert main(arguments) == 0
        return capsys.readouterr().out.splitlines()

    return run


def rows(lines):
    """Number, author and text of the posts among the lines."""
    split = [line.split(maxsplit=3) for line in lines]
    return [(int(row[0]), row[2], row[3]) for row in split if row[0].isdecimal()]


def test_a_feed_can_be_played_by_hand(typed):
    lines = typed(
        "follow ann bob",
        "post bob hello  there",
        "post ann me too",
        "feed ann",
        "delete bob 1",
        "feed ann",
        "post bob again",
        "block ann bob",
        "feed ann",
        "unblock ann bob",
        "unfollow ann bob",
        "feed ann 1",
        "quit",
        "feed ann",
    )
    hello, mine = (1, "bob", "hello there"), (2, "ann", "me too")
    assert rows(lines) == [hello, mine, mine, hello, mine, (3, "bob", "again"), mine, mine]
    assert [line for line in lines if not line.lstrip()[0].isdecimal()] == [
        "ann follows bob",
        "post 1 is gone",
        "ann and bob are hidden from each other",
        "ann blocks bob no more",
        "ann follows bob no more",
    ]


def test_what_was_so_before_is_said(typed):
    assert typed(
        "post bob x",
        *("follow ann bob", "follow ann bob", "like ann 1", "like ann 1", "block ann bob", "block ann bob"),
        *("unblock bob ann", "unfollow cid bob", "delete bob 1", "delete bob 1", "feed cid", "ranked cid"),
    )[2::2] == [
        "ann followed bob before",
        "ann liked post 1 before",
        "ann blocked bob before",
        "cid did not follow bob",
        "post 1 was gone before",
        "nothing yet",
    ]


def test_more_gives_the_next_page_of_what_was_read_last(typed):
    lines = typed("more", *(f"post ann {n}" for n in range(5)), "feed ann 2", "more", "more", "more", "ranked ann 4")
    assert lines[0] == "there is no page to go on from"
    assert [text for _, _, text in rows(lines)[5:10]] == ["4", "3", "2", "1", "0"]
    assert lines[11] == "no more posts"
    ranked = typed(*(f"post ann {n}" for n in range(5)), "ranked ann 4", "more", "more")
    assert [text for _, _, text in rows(line for line in ranked if "." not in line.split()[0])[5:]] == list("43210")
    assert [line.split()[0] for line in ranked if "likes of the author" in line] == ["1.", "2.", "3.", "4.", "5."]
    assert ranked[-1] == "no more posts"


def test_a_like_raises_its_author_and_the_ranking_says_so(typed):
    lines = typed("follow ann bob", "post bob old", "post ann new", "like ann 1", "ranked ann")
    assert rows(line for line in lines[4:] if "like" not in line) == [(1, "bob", "old"), (2, "ann", "new")]
    assert "+1.00 for 1 like of the author" in lines[5]


def test_while_the_workers_stop_my_own_post_is_in_my_feed_and_not_in_my_followers(typed):
    lines = typed("follow ann bob", "feed ann", "pause", "post bob x", "feed bob", "feed ann", "resume", "feed ann")
    assert lines[5] == "nothing yet"
    assert rows(lines) == [(1, "bob", "x")] * 3


def test_a_crowd_makes_a_celebrity_whose_posts_are_merged_in(typed):
    lines = typed(
        "crowd bob 2", "post bob few", "crowd bob 3", "post bob many", "feed u3", arguments=["--push-up-to", "2"]
    )
    assert [line for line in lines if "bob" in line and "  " not in line] == [
        "2 more follow bob",
        "bob has 2 followers, so posts are put into feeds when posted; follows nobody",
        "1 more follow bob",
        "bob has 3 followers, so posts are merged in when feeds are read; follows nobody",
    ]
    assert [text for _, _, text in rows(lines[-2:])] == ["many", "few"]
    assert typed("follow ann bob", "follow ann cid", "who ann")[-1].endswith("follows bob, cid")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("jump", "no command 'jump'"),
        ("follow ann", "expected: follow NAME AUTHOR"),
        ("unfollow ann", "expected: follow NAME AUTHOR, unfollow"),
        ("post", "expected: post NAME TEXT"),
        ("feed", "expected: feed NAME [COUNT]"),
        ("post ann", "text: says nothing"),
        ("post Ann x", "'Ann' is no name"),
        ("feed longername", "'longername' is no name"),
        ("follow ann ann", "author: is the reader too"),
        ("feed ann 0", "count: '0' is not a whole number"),
        ("feed ann 999", "count: is not a whole number from 1 to 200"),
        ("like ann 1", "post: 1 was not shown yet"),
        ("delete ann x", "post: 'x' is not a whole number"),
    ],
)
def test_an_error_is_one_line_that_names_the_field_and_the_next_command_works(typed, line, said):
    error, row = typed(line, "post bob 5")
    assert error.startswith("error: ")
    assert said in error
    assert rows([row]) == [(1, "bob", "5")]


def test_a_post_of_somebody_else_is_not_deleted_nor_one_liked_that_is_not_shown(typed):
    lines = typed("post bob x", "delete ann 1", "like ann 1", "feed bob")
    assert lines[1].startswith("error: author: did not write post")
    assert lines[2].startswith("error: there is no post")
    assert rows([lines[3]]) == [(1, "bob", "x")]


def test_a_file_keeps_posts_and_follows(typed, tmp_path):
    arguments = ["--posts", f"sqlite:///{tmp_path}/posts.db", "--queue", f"sqlite:///{tmp_path}/queue.db"]
    typed("follow ann bob", "pause", "post bob kept", arguments=arguments)
    assert rows(typed("feed ann", arguments=arguments)) == [(1, "bob", "kept")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--posts", "mysql://x"], "expected memory://"),
        (["--feeds", "valkey://localhost:1/0"], "Valkey does not answer"),
        (["--queue", "mysql://x"], "is no queue"),
    ],
)
def test_what_cannot_begin_says_so_in_one_line(arguments, said, capsys):
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_it_runs_as_a_program():
    command = [sys.executable, "-m", "designbook.systems.news_feed"]
    done = subprocess.run(command, input="post ann hello\nfeed ann\n", capture_output=True, text=True, check=True)
    assert rows(done.stdout.splitlines()) == [(1, "ann", "hello")] * 2
    assert done.stderr == ""
