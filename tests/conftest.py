from collections import Counter

def pytest_terminal_summary(terminalreporter):
    "A line for each reason why tests were skipped, so that nobody overlooks it"
    reasons = Counter(o.longrepr[2].removeprefix('Skipped: ') for o in terminalreporter.stats.get('skipped', []))
    for reason,n in reasons.items(): terminalreporter.write_line(f'{n} skipped: {reason}')
