"""The Performance Budget Report: what the robots answered, as a page, as Markdown and as data.

measurement (plain data, kept as JSON) -> fleet (typed) -> tables, figures, findings -> pages (HTML and Markdown)
"""
