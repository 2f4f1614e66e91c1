# SPDX-License-Identifier: GPL-3.0-or-later
"""Personnummer that nobody has: the part of the published test series that a
rule describes (born 1976 to 2013, serial 238 or 239, some dates left out).

27,672 numbers; section 4.4 of the identifier specification.
"""

import datetime

_LEFT_OUT = {"19800101", "19891220", "20001218", "20010303", "20011104", "20021016", "20021227",
             "20050509", "20070911", "20071228", "20101211", "20111230"}


def luhn(digits):
    """The check digit behind `digits` (weights 2, 1 from the right)."""
    total = 0
    for i, c in enumerate(reversed(digits)):
        d = int(c) * (2 if i % 2 == 0 else 1)
        total += d // 10 + d % 10
    return str(-total % 10)


def test_personnummer():
    """All of them, twelve digits each, oldest first."""
    day, end = datetime.date(1976, 1, 2), datetime.date(2013, 12, 31)
    while day <= end:
        date = day.strftime("%Y%m%d")
        if date not in _LEFT_OUT and not date.startswith("199001"):
            for serial in ("238", "239"):
                yield date + serial + luhn(date[2:] + serial)
        day += datetime.timedelta(days=1)


def hyphenated(number):
    return number[:8] + "-" + number[8:]
