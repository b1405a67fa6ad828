from tests.task_selection import simulation


def test_the_simulation_tells_selectors_apart(capsys):
    simulation.main(
        [
            "--worlds",
            "sources",
            "--selectors",
            "random",
            "oracle",
            "--tasks",
            "2000",
            "--steps",
            "20",
            "--seeds",
            "0",
        ]
    )
    lines = capsys.readouterr().out.splitlines()
    effective = {line.split()[1]: float(line.split()[2]) for line in lines[1:]}
    assert effective["random"] < 0.5 < effective["oracle"]
