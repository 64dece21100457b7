SHORT_DATE_FORMAT = "j M Y"  # 3 May 2026: 5/3/2026 is another day elsewhere
